package dev.vmabi.architecture.broken.fleet;

import dev.vmabi.architecture.broken.agent.ReadsFabric8Model;

/** Breaks the rule that decisions know nothing of agents. */
public final class UsesAgent {
    private UsesAgent() {}

    public static boolean is(Object object) {
        return object instanceof ReadsFabric8Model;
    }
}
