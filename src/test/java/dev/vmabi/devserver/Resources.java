package dev.vmabi.devserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** What is served: built-in resources and those of custom resource definitions, and their discovery documents. */
final class Resources {
    static final String CRDS = "customresourcedefinitions.apiextensions.k8s.io";

    private static final List<String> VERBS =
            List.of("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch");

    /** apiVersion, kind, plural, scope, short names, subresources, counted generation; then columns as name=JSONPath. */
    private static final String BUILT_IN = """
            v1 Namespace namespaces Cluster ns status - Status=.status.phase
            v1 Node nodes Cluster no status - Status=.status.conditions[?(@.type=="Ready")].status Unschedulable=.spec.unschedulable Version=.status.nodeInfo.kubeletVersion
            v1 Pod pods Namespaced po status,binding,eviction generation Status=.status.phase Node=.spec.nodeName
            v1 ConfigMap configmaps Namespaced cm - -
            v1 Secret secrets Namespaced - - - Type=.type
            v1 Service services Namespaced svc status - Type=.spec.type Cluster-IP=.spec.clusterIP
            v1 ServiceAccount serviceaccounts Namespaced sa token -
            v1 Event events Namespaced ev - - Last_Seen=.lastTimestamp Type=.type Reason=.reason Kind=.involvedObject.kind Object=.involvedObject.name Message=.message
            events.k8s.io/v1 Event events Namespaced ev - - Type=.type Reason=.reason Kind=.regarding.kind Object=.regarding.name Note=.note
            v1 Endpoints endpoints Namespaced ep - -
            v1 PersistentVolumeClaim persistentvolumeclaims Namespaced pvc status -
            v1 ResourceQuota resourcequotas Namespaced quota status -
            v1 LimitRange limitranges Namespaced limits - -
            v1 ReplicationController replicationcontrollers Namespaced rc status generation
            apps/v1 Deployment deployments Namespaced deploy status generation Replicas=.spec.replicas Ready=.status.readyReplicas
            apps/v1 DaemonSet daemonsets Namespaced ds status generation Desired=.status.desiredNumberScheduled
            apps/v1 ReplicaSet replicasets Namespaced rs status generation Replicas=.spec.replicas
            apps/v1 StatefulSet statefulsets Namespaced sts status generation Replicas=.spec.replicas
            batch/v1 Job jobs Namespaced - status generation
            batch/v1 CronJob cronjobs Namespaced cj status generation
            policy/v1 PodDisruptionBudget poddisruptionbudgets Namespaced pdb status generation
            coordination.k8s.io/v1 Lease leases Namespaced - - - Holder=.spec.holderIdentity
            discovery.k8s.io/v1 EndpointSlice endpointslices Namespaced - - generation
            networking.k8s.io/v1 NetworkPolicy networkpolicies Namespaced netpol - generation
            networking.k8s.io/v1 Ingress ingresses Namespaced ing status generation
            scheduling.k8s.io/v1 PriorityClass priorityclasses Cluster pc - generation Value=.value
            storage.k8s.io/v1 StorageClass storageclasses Cluster sc - -
            rbac.authorization.k8s.io/v1 Role roles Namespaced - - -
            rbac.authorization.k8s.io/v1 RoleBinding rolebindings Namespaced - - - Role=.roleRef.name
            rbac.authorization.k8s.io/v1 ClusterRole clusterroles Cluster - - -
            rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings Cluster - - - Role=.roleRef.name
            apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions Cluster crd,crds status generation
            admissionregistration.k8s.io/v1 MutatingWebhookConfiguration mutatingwebhookconfigurations Cluster - - generation
            admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration validatingwebhookconfigurations Cluster - - generation
            admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy validatingadmissionpolicies Cluster - status generation
            admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings Cluster - - generation
            authentication.k8s.io/v1 SelfSubjectReview selfsubjectreviews Cluster - - -
            authorization.k8s.io/v1 SelfSubjectAccessReview selfsubjectaccessreviews Cluster - - -
            authorization.k8s.io/v1 SelfSubjectRulesReview selfsubjectrulesreviews Cluster - - -
            authorization.k8s.io/v1 SubjectAccessReview subjectaccessreviews Cluster - - -
            """;

    private final Map<String, ResourceType> types = new ConcurrentHashMap<>();

    Resources(Store store) {
        for (String line : BUILT_IN.lines().toList()) {
            String[] word = line.split(" ");
            ArrayNode columns = Json.MAPPER.createArrayNode();
            for (String column : Arrays.asList(word).subList(7, word.length)) {
                int equals = column.indexOf('=');
                columns.addObject()
                        .put("name", column.substring(0, equals).replace('_', ' '))
                        .put("type", "string")
                        .put("jsonPath", column.substring(equals + 1));
            }
            add(ResourceType.builtIn(
                    word[0],
                    word[1],
                    word[2],
                    word[3].equals("Namespaced"),
                    words(word[4]),
                    new LinkedHashSet<>(words(word[5])),
                    word[6].equals("generation"),
                    columns));
        }
        store.onChange(change -> {
            if (change.key().resource().equals(CRDS)) {
                if (change.previous() != null) {
                    versions(change.previous()).forEach(type -> types.remove(id(type)));
                }
                if (change.kind() != Store.Kind.DELETED) {
                    versions(change.object()).forEach(this::add);
                }
            }
        });
    }

    /** The resource served there; null if there is none. */
    ResourceType find(String group, String version, String plural) {
        return types.get(group + "/" + version + "/" + plural);
    }

    /** Any version of a resource, for the server's own use. */
    ResourceType find(String groupResource) {
        return types.values().stream()
                .filter(type -> type.groupResource().equals(groupResource))
                .findFirst()
                .orElse(null);
    }

    /** The served versions of a custom resource definition. */
    static List<ResourceType> versions(JsonNode crd) {
        JsonNode spec = crd.path("spec");
        JsonNode names = spec.path("names");
        List<ResourceType> found = new ArrayList<>();
        for (JsonNode version : spec.path("versions")) {
            if (version.path("served").asBoolean()) {
                JsonNode schema = Json.at(version, "schema", "openAPIV3Schema");
                found.add(new ResourceType(
                        Json.text(spec, "group"),
                        Json.text(version, "name"),
                        Json.text(names, "kind"),
                        Json.text(names, "plural"),
                        Json.text(spec, "scope").equals("Namespaced"),
                        texts(names.path("shortNames")),
                        texts(names.path("categories")),
                        version.path("subresources").has("status") ? Set.of("status") : Set.of(),
                        true,
                        schema.isMissingNode() ? Json.object() : schema,
                        version.path("additionalPrinterColumns"),
                        version.path("selectableFields")));
            }
        }
        return found;
    }

    private void add(ResourceType type) {
        types.put(id(type), type);
    }

    private static String id(ResourceType type) {
        return type.group() + "/" + type.version() + "/" + type.plural();
    }

    private static List<String> words(String list) {
        return list.equals("-") ? List.of() : List.of(list.split(","));
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(node -> texts.add(node.asText()));
        return texts;
    }

    /** Groups with their versions, each with its resources; sorted, the core group first. */
    private Map<String, Map<String, List<ResourceType>>> byGroup() {
        return types.values().stream()
                .sorted((a, b) -> id(a).compareTo(id(b)))
                .collect(Collectors.groupingBy(
                        ResourceType::group,
                        LinkedHashMap::new,
                        Collectors.groupingBy(ResourceType::version, LinkedHashMap::new, Collectors.toList())));
    }

    /** {@code /api} or {@code /apis} in the form that lists all resources at once. */
    ObjectNode aggregatedDiscovery(boolean core) {
        ObjectNode document = Json.object();
        document.put("kind", "APIGroupDiscoveryList").put("apiVersion", "apidiscovery.k8s.io/v2");
        document.putObject("metadata");
        ArrayNode items = document.putArray("items");
        byGroup().forEach((group, versions) -> {
            if (group.isEmpty() == core) {
                ObjectNode item = items.addObject();
                item.putObject("metadata").put("name", group);
                ArrayNode list = item.putArray("versions");
                versions.forEach((version, resources) -> {
                    ObjectNode entry = list.addObject().put("version", version).put("freshness", "Current");
                    ArrayNode array = entry.putArray("resources");
                    resources.forEach(type -> describe(type, array.addObject()));
                });
            }
        });
        return document;
    }

    private static void describe(ResourceType type, ObjectNode resource) {
        resource.put("resource", type.plural());
        responseKind(type, resource);
        resource.put("scope", type.namespaced() ? "Namespaced" : "Cluster").put("singularResource", type.singular());
        resource.set("verbs", Json.MAPPER.valueToTree(verbs(type)));
        resource.set("shortNames", Json.MAPPER.valueToTree(type.shortNames()));
        resource.set("categories", Json.MAPPER.valueToTree(type.categories()));
        ArrayNode subresources = resource.putArray("subresources");
        for (String name : type.subresources()) {
            ObjectNode entry = subresources.addObject().put("subresource", name);
            responseKind(type, entry);
            entry.set("verbs", Json.MAPPER.valueToTree(subresourceVerbs(name)));
        }
    }

    private static void responseKind(ResourceType type, ObjectNode entry) {
        entry.putObject("responseKind")
                .put("group", type.group())
                .put("version", type.version())
                .put("kind", type.kind());
    }

    private static List<String> verbs(ResourceType type) {
        return type.kind().endsWith("Review") ? List.of("create") : VERBS;
    }

    private static List<String> subresourceVerbs(String name) {
        return name.equals("status") ? List.of("get", "patch", "update") : List.of("create");
    }

    /** {@code /apis}: the groups. */
    ObjectNode groupList() {
        ObjectNode document = Json.object().put("kind", "APIGroupList").put("apiVersion", "v1");
        ArrayNode groups = document.putArray("groups");
        byGroup().keySet().stream().filter(g -> !g.isEmpty()).forEach(g -> groups.add(group(g)));
        return document;
    }

    /** {@code /apis/<group>}. */
    ObjectNode group(String name) {
        Map<String, List<ResourceType>> versions = byGroup().get(name);
        if (versions == null) {
            throw ApiException.notFound();
        }
        ObjectNode group =
                Json.object().put("kind", "APIGroup").put("apiVersion", "v1").put("name", name);
        ArrayNode list = group.putArray("versions");
        for (String version : versions.keySet()) {
            list.addObject().put("groupVersion", name + "/" + version).put("version", version);
        }
        group.set("preferredVersion", list.get(0));
        return group;
    }

    /** {@code /api/v1} and {@code /apis/<group>/<version>}. */
    ObjectNode resourceList(String group, String version) {
        List<ResourceType> resources = in(group, version);
        ObjectNode document = Json.object().put("kind", "APIResourceList").put("apiVersion", "v1");
        document.put("groupVersion", resources.getFirst().apiVersion());
        ArrayNode list = document.putArray("resources");
        for (ResourceType type : resources) {
            ObjectNode entry = list.addObject().put("name", type.plural()).put("singularName", type.singular());
            entry.put("namespaced", type.namespaced()).put("kind", type.kind());
            entry.set("verbs", Json.MAPPER.valueToTree(verbs(type)));
            entry.set("shortNames", Json.MAPPER.valueToTree(type.shortNames()));
            entry.set("categories", Json.MAPPER.valueToTree(type.categories()));
            for (String name : type.subresources()) {
                ObjectNode sub =
                        list.addObject().put("name", type.plural() + "/" + name).put("singularName", "");
                sub.put("namespaced", type.namespaced()).put("kind", type.kind());
                sub.set("verbs", Json.MAPPER.valueToTree(subresourceVerbs(name)));
            }
        }
        return document;
    }

    /** {@code /openapi/v3}: where the documents of the group versions are. */
    ObjectNode openApiIndex() {
        ObjectNode index = Json.object();
        ObjectNode paths = index.putObject("paths");
        byGroup()
                .forEach((group, versions) -> versions.keySet().forEach(version -> {
                    String path = group.isEmpty() ? "api/" + version : "apis/" + group + "/" + version;
                    paths.putObject(path).put("serverRelativeURL", "/openapi/v3/" + path + "?hash=" + types.size());
                }));
        return index;
    }

    /** Kinds, and that PATCH knows {@code fieldValidation}: enough for {@code kubectl apply} to leave it to the server. */
    ObjectNode openApi(String group, String version) {
        ObjectNode document = Json.object().put("openapi", "3.0.0");
        document.putObject("info").put("title", "devserver").put("version", "v1");
        ObjectNode paths = document.putObject("paths");
        ObjectNode schemas = document.putObject("components").putObject("schemas");
        for (ResourceType type : in(group, version)) {
            ObjectNode kind =
                    Json.object().put("group", group).put("version", version).put("kind", type.kind());
            ObjectNode schema = type.schema() instanceof ObjectNode own
                    ? own.deepCopy()
                    : Json.object().put("type", "object");
            schema.putArray("x-kubernetes-group-version-kind").add(kind);
            schemas.set(type.version() + "." + type.kind(), schema);
            String path = (group.isEmpty() ? "/api/" : "/apis/" + group + "/") + version
                    + (type.namespaced() ? "/namespaces/{namespace}/" : "/") + type.plural() + "/{name}";
            ObjectNode patch = paths.putObject(path).putObject("patch");
            patch.set("x-kubernetes-group-version-kind", kind);
            patch.put("x-kubernetes-action", "patch");
            for (String parameter : List.of("dryRun", "fieldValidation")) {
                patch.withArrayProperty("parameters")
                        .addObject()
                        .put("name", parameter)
                        .put("in", "query");
            }
        }
        return document;
    }

    private List<ResourceType> in(String group, String version) {
        List<ResourceType> found = byGroup().getOrDefault(group, Map.of()).get(version);
        if (found == null) {
            throw ApiException.notFound();
        }
        return found;
    }
}
