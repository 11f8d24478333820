package dev.vmabi.devserver;

import java.nio.file.Files;
import java.nio.file.Path;

/** Starts the API server that the environment asks for. */
public final class ApiServers {
    private ApiServers() {}

    /**
     * A real kube-apiserver if {@code KUBEBUILDER_ASSETS} names a directory with its binary, as controller-runtime's
     * envtest has it; the embedded one if that variable is not set. Prints in one line which one it is.
     *
     * @throws IllegalStateException if the variable is set and there is no kube-apiserver or no etcd: a run that was
     *     meant for the real server must not pass on the embedded one
     */
    public static ApiServer start() {
        return start(false);
    }

    /** As {@link #start()}; a real one authorizes by RBAC, where only {@link User#ADMIN} may do everything. */
    public static ApiServer startWithRbac() {
        return start(true);
    }

    private static ApiServer start(boolean rbac) {
        String assets = System.getenv("KUBEBUILDER_ASSETS");
        ApiServer server;
        if (assets == null || assets.isBlank()) {
            server = DevServer.start();
        } else {
            Path directory = Path.of(assets);
            for (String program : new String[] {"kube-apiserver", "etcd"}) {
                if (!Files.isExecutable(directory.resolve(program))) {
                    throw new IllegalStateException("KUBEBUILDER_ASSETS is " + assets + ", but there is no executable "
                            + program + "; put it there, or unset the variable to use the embedded server");
                }
            }
            server = RealServer.start(directory, rbac);
        }
        System.out.println("API server: " + server.describe());
        return server;
    }
}
