package dev.vmabi.web;

/**
 * A node's state under its policy.
 *
 * @param reason why it is not accepting; said without the node's name, so that nodes of one kind can be told together
 */
record NodeStanding(String state, String reason) {}
