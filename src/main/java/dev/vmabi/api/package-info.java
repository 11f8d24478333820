/**
 * The custom resources of group {@code vmabi.dev}: data, validation and nothing else.
 *
 * <p>Specs and statuses are plain records so that the node agent can write them without a Kubernetes client library.
 */
package dev.vmabi.api;
