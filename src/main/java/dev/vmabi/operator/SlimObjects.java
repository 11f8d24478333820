package dev.vmabi.operator;

import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NodeStatus;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.quarkus.kubernetes.client.KubernetesClientObjectMapperCustomizer;
import jakarta.inject.Singleton;

/** Has the client pass over what is most of an object and decides nothing, rather than make objects of it. */
@Singleton
class SlimObjects implements KubernetesClientObjectMapperCustomizer {

    @JsonIgnoreProperties("managedFields")
    private abstract static class Meta {}

    @JsonIgnoreProperties({"images", "addresses", "volumesAttached", "volumesInUse", "runtimeHandlers"})
    private abstract static class OfNode {}

    abstract static class OfGeneric {
        @JsonAnySetter
        @JsonDeserialize(contentUsing = KeptParts.class)
        abstract void setAdditionalProperty(String name, Object value);
    }

    @Override
    public void customize(ObjectMapper mapper) {
        mapper.addMixIn(ObjectMeta.class, Meta.class)
                .addMixIn(NodeStatus.class, OfNode.class)
                .addMixIn(GenericKubernetesResource.class, OfGeneric.class);
    }
}
