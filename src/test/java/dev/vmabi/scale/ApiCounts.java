package dev.vmabi.scale;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a kube-apiserver counted of requests, whoever sent them, by verb and resource: {@code APPLY nodes}. Empty from one
 * that counts nothing.
 */
record ApiCounts(Map<String, Long> requests, Map<String, Long> listedBytes) {
    private static final Pattern REQUESTS = Pattern.compile("(?m)^apiserver_request_total\\{([^}]*)} (\\S+)$");
    private static final Pattern BYTES = Pattern.compile("(?m)^apiserver_response_sizes_sum\\{([^}]*)} (\\S+)$");
    private static final Pattern LABEL = Pattern.compile("(\\w+)=\"([^\"]*)\"");

    static ApiCounts of(KubernetesClient client) {
        String metrics;
        try {
            metrics = client.raw("/metrics");
        } catch (KubernetesClientException e) {
            metrics = "";
        }
        metrics = metrics == null ? "" : metrics;
        return new ApiCounts(sums(REQUESTS, metrics), sums(BYTES, metrics));
    }

    private static Map<String, Long> sums(Pattern pattern, String metrics) {
        Map<String, Long> sums = new TreeMap<>();
        Matcher line = pattern.matcher(metrics);
        while (line.find()) {
            Map<String, String> labels = new TreeMap<>();
            Matcher label = LABEL.matcher(line.group(1));
            while (label.find()) {
                labels.put(label.group(1), label.group(2));
            }
            String subresource = labels.getOrDefault("subresource", "");
            String key = labels.get("verb") + " " + labels.get("resource")
                    + (subresource.isEmpty() ? "" : "/" + subresource);
            sums.merge(key, (long) Double.parseDouble(line.group(2)), Long::sum);
        }
        return sums;
    }

    ApiCounts since(ApiCounts before) {
        return new ApiCounts(difference(requests, before.requests()), difference(listedBytes, before.listedBytes()));
    }

    private static Map<String, Long> difference(Map<String, Long> now, Map<String, Long> before) {
        Map<String, Long> difference = new TreeMap<>();
        now.forEach((key, n) -> {
            long more = n - before.getOrDefault(key, 0L);
            if (more > 0) {
                difference.put(key, more);
            }
        });
        return difference;
    }
}
