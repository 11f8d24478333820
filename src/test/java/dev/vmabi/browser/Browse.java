package dev.vmabi.browser;

import dev.vmabi.demo.Demo;
import dev.vmabi.demo.Story;
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
    /** 5,000 nodes need more than the demonstration. */
    private static final int HEAP_MIB = 512;

    private Browse() {}

    public static void main(String[] arguments) throws IOException {
        Instant started = Instant.now();
        Path pictures = arguments.length > 0 ? Path.of(arguments[0]) : Files.createTempDirectory("vmabi-pictures");
        String axe = Files.readString(Path.of("target/browser/node_modules/axe-core/axe.min.js"));
        int exit = 1;
        try (ApiServer server = ApiServers.start();
                Demo demo = new Demo(server, HEAP_MIB);
                Chromium chromium = new Chromium(server.directory())) {
            Story story = demo.story();
            demo.tellUntilRaise();
            PageChecks checks =
                    new PageChecks(story, chromium.open(), demo.operator().page(), axe);
            checks.answersOnlyWhatItShould();
            checks.everyView();
            checks.keyboard();
            checks.pictures(pictures);
            checks.raiseWhileOpen(demo::raise);
            Crowd.join(story, server.client());
            checks.crowd();
            checks.crowdPicture(pictures);
            checks.quiet();
            demo.operator().close();
            checks.saysThatItIsGone();
            System.out.printf(
                    "%nAll %d checks held, in %d s.%n",
                    story.checks(), Duration.between(started, Instant.now()).toSeconds());
            exit = 0;
        } catch (IllegalStateException e) {
            System.err.println("\nThe page does not hold: " + e.getMessage());
        }
        System.exit(exit);
    }

    static URI at(URI page, String view) {
        return URI.create(page + "#/" + view);
    }
}
