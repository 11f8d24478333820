package dev.vmabi.architecture.broken.agent;

import dev.vmabi.architecture.broken.api.KeepsNode;

/** Breaks, through another package, the rule that the agent runs without fabric8. */
public record ReadsFabric8Model(KeepsNode node) {}
