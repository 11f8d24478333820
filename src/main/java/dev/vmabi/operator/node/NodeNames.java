package dev.vmabi.operator.node;

import dev.vmabi.operator.NamesOnly;
import io.fabric8.kubernetes.api.model.Node;

/** The Java Operator SDK makes one itself, without arguments. */
public final class NodeNames extends NamesOnly<Node> {
    public NodeNames() {
        super(Node::new);
    }
}
