package dev.vmabi.fleet;

/** What a condition is to say. */
record Finding(boolean holds, ConditionReason reason, String message) {}
