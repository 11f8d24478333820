package dev.vmabi.operator;

import dev.vmabi.api.Names;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.Watch;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Guest ABI labels that were seen on a node and then not any more. */
final class LostLabels implements Watcher<Node>, AutoCloseable {
    private final Map<String, Set<String>> has = new HashMap<>();
    private final Set<String> lost = new TreeSet<>();
    private final Watch watch;
    private boolean paused;

    LostLabels(KubernetesClient client) {
        watch = client.nodes().watch(this);
    }

    synchronized Set<String> labels() {
        return Set.copyOf(lost);
    }

    /** While labels are lost for a reason. */
    synchronized void pause() {
        paused = true;
    }

    synchronized void resume() {
        paused = false;
    }

    @Override
    public synchronized void eventReceived(Action action, Node node) {
        Set<String> now = node.getMetadata().getLabels().keySet().stream()
                .filter(l -> l.startsWith(Names.NODE_LABEL_PREFIX))
                .collect(Collectors.toSet());
        Set<String> before = has.put(node.getMetadata().getName(), now);
        if (!paused) {
            List.copyOf(before == null ? Set.<String>of() : before).stream()
                    .filter(l -> !now.contains(l))
                    .forEach(l -> lost.add(node.getMetadata().getName() + " " + l));
        }
    }

    @Override
    public synchronized void onClose(WatcherException cause) {
        lost.add("the watch ended: " + cause.getMessage());
    }

    @Override
    public void close() {
        watch.close();
    }
}
