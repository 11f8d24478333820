package dev.vmabi.operator.node;

import dev.vmabi.operator.NamesOnly;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.ObjectMeta;

/** The Java Operator SDK makes one itself, without arguments, and logs with the uid. */
public final class NodeNames extends NamesOnly<Node> {
    public NodeNames() {
        super(Node::new);
    }

    @Override
    protected String uid(ObjectMeta metadata) {
        return metadata.getUid();
    }
}
