package dev.vmabi.operator;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.util.function.BiPredicate;
import org.jboss.logging.Logger;

/** Watches a kind of another project for as long as the cluster serves it, which may begin and end at any time. */
final class Served implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Served.class);

    private final KubernetesClient client;
    private final ResourceDefinitionContext kind;
    private final BiPredicate<String, GenericKubernetesResource> changed;
    private final BiPredicate<String, GenericKubernetesResource> gone;
    private final Runnable ended;
    private final Runnable tell;
    private volatile Watched<CustomResourceDefinition> definition;
    private volatile Watched<GenericKubernetesResource> objects;

    /**
     * @param changed as for {@link Watched#start}
     * @param gone as for {@link Watched#start}
     * @param ended called when the kind is served no longer, so that none of its objects is there
     */
    Served(
            KubernetesClient client,
            ResourceDefinitionContext kind,
            BiPredicate<String, GenericKubernetesResource> changed,
            BiPredicate<String, GenericKubernetesResource> gone,
            Runnable ended,
            Runnable tell) {
        this.client = client;
        this.kind = kind;
        this.changed = changed;
        this.gone = gone;
        this.ended = ended;
        this.tell = tell;
    }

    Served start() {
        definition = Watched.start(
                client.apiextensions()
                        .v1()
                        .customResourceDefinitions()
                        .withName(kind.getPlural() + "." + kind.getGroup())
                        .runnableInformer(0),
                (_, crd) -> definitionChanged(crd),
                (_, _) -> end(),
                tell);
        return this;
    }

    /** Whether every object that the cluster has of the kind has been taken. */
    boolean complete() {
        Watched<?> now = objects;
        return definition.complete()
                && (now == null || now.complete())
                && definition.objects().stream().anyMatch(Served::established) == (now != null);
    }

    private boolean definitionChanged(CustomResourceDefinition crd) {
        if (!established(crd)) {
            return end();
        }
        if (objects != null) {
            return false;
        }
        LOG.infof("%s of %s is served; watching", kind.getKind(), kind.getGroup());
        objects = Watched.start(
                client.genericKubernetesResources(kind)
                        .inAnyNamespace()
                        .withLimit(FleetCache.PAGE)
                        .runnableInformer(0)
                        .itemStore(new NamesOnly<>(GenericKubernetesResource::new)),
                changed,
                gone,
                tell);
        return true;
    }

    private boolean end() {
        Watched<GenericKubernetesResource> watched = objects;
        if (watched == null) {
            return false;
        }
        objects = null;
        watched.close();
        ended.run();
        return true;
    }

    @Override
    public void close() {
        definition.close();
        boolean _ = end();
    }

    private static boolean established(CustomResourceDefinition crd) {
        return crd.getStatus() != null
                && crd.getStatus().getConditions() != null
                && crd.getStatus().getConditions().stream()
                        .anyMatch(c -> "Established".equals(c.getType()) && "True".equals(c.getStatus()));
    }
}
