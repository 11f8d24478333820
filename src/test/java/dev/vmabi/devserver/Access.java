package dev.vmabi.devserver;

/** Who asked for what: what the RBAC rules of a user must allow. {@code resource} has its subresource. */
public record Access(String user, String verb, String group, String resource) {}
