package dev.vmabi.architecture.broken.abi;

import io.fabric8.kubernetes.api.model.Node;

/** Breaks the rule that the algebra needs the JDK alone. */
public final class UsesFabric8 {
    private UsesFabric8() {}

    public static boolean is(Object object) {
        return object instanceof Node;
    }
}
