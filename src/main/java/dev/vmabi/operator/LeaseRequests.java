package dev.vmabi.operator;

import io.fabric8.kubernetes.client.http.HttpRequest;

/**
 * Which requests are about the lease.
 *
 * @param name of it
 */
record LeaseRequests(String name) {

    boolean reads(HttpRequest request) {
        return isGet(request) && names(request);
    }

    /** A lease is made by a POST to all of them. */
    boolean writes(HttpRequest request) {
        return !isGet(request) && (names(request) || request.uri().getPath().endsWith("/leases"));
    }

    static boolean isGet(HttpRequest request) {
        return request.method().equals("GET");
    }

    private boolean names(HttpRequest request) {
        return request.uri().getPath().endsWith("/leases/" + name);
    }
}
