package dev.vmabi.browser;

import dev.vmabi.demo.Demo;
import dev.vmabi.demo.Driver;
import dev.vmabi.devserver.ApiServer;
import dev.vmabi.devserver.ApiServers;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/**
 * Drives the page in Chromium while the demonstration runs: what {@code make browser} does. With a directory as its
 * argument it also leaves the pictures of README and docs there.
 */
public final class Browse {
    /** The operator's; 5,000 nodes need more than the demonstration. */
    private static final int HEAP_MIB = Integer.getInteger("vmabi.heap", 512);

    private static final Duration LIMIT = Duration.ofMinutes(20);

    private Browse() {}

    public static void main(String[] arguments) {
        Driver.run("The page does not hold", LIMIT, () -> drive(arguments));
    }

    private static Void drive(String[] arguments) throws IOException {
        Instant started = Instant.now();
        Path pictures = arguments.length > 0 ? Path.of(arguments[0]) : Files.createTempDirectory("vmabi-pictures");
        String axe = Files.readString(Path.of("target/browser/node_modules/axe-core/axe.min.js"));
        try (ApiServer server = ApiServers.start();
                Demo demo = new Demo(server, HEAP_MIB);
                Chromium chromium = new Chromium(server.directory())) {
            demo.orLastWords(() -> drive(
                    demo,
                    server,
                    new PageChecks(
                            demo.story(), chromium.open(), demo.operator().page(), axe),
                    pictures));
            System.out.printf(
                    "%nAll %d checks held, in %d s.%n",
                    demo.story().checks(),
                    Duration.between(started, Instant.now()).toSeconds());
        }
        return null;
    }

    private static void drive(Demo demo, ApiServer server, PageChecks checks, Path pictures) {
        demo.tellUntilRaise();
        checks.answersOnlyWhatItShould();
        checks.everyView();
        checks.keyboard();
        checks.pictures(pictures);
        checks.raiseWhileOpen(demo::raise);
        Crowd.join(demo.story(), server.client());
        checks.crowd();
        checks.crowdPicture(pictures);
        checks.quiet();
        demo.operator().close();
        checks.saysThatItIsGone();
    }

    static URI at(URI page, String view) {
        return URI.create(page + "#/" + view);
    }
}
