package dev.vmabi.web;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Where the page is served. It asks nobody who they are, so as shipped only {@code kubectl port-forward} reaches it. */
@ConfigMapping(prefix = "vmabi.web")
public interface WebConfig {

    /** Whether the page is served at all. */
    @WithDefault("true")
    boolean enabled();

    /** Address to listen on. The loopback address keeps the page off the pod network. */
    @WithDefault("127.0.0.1")
    String host();

    /** Port; 0 for any free one. */
    @WithDefault("8081")
    int port();
}
