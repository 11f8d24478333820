package dev.vmabi.architecture.broken.api;

import io.fabric8.kubernetes.api.model.Node;

/** Well within its own rule, but not for a class that the agent needs. */
public record KeepsNode(Node node) {}
