package dev.vmabi.image;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the repository says of the product. */
final class Product {
    private Product() {}

    /** A property of the POM. */
    static String property(String name) {
        return find("pom.xml", "<" + Pattern.quote(name) + ">([^<]+)<");
    }

    /** A field of the chart. */
    static String chart(String field) {
        return find("helm/vmabi/Chart.yaml", "(?m)^" + Pattern.quote(field) + ": *(\\S+)$");
    }

    /** The commit that is checked out, {@code -dirty} after it if that is not all; {@code unknown} outside of Git. */
    static String revision() {
        try {
            Process git = new ProcessBuilder("git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String revision = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return git.waitFor() == 0 ? revision : "unknown";
        } catch (IOException e) {
            return "unknown";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "unknown";
        }
    }

    private static String find(String file, String pattern) {
        try {
            Matcher matcher = Pattern.compile(pattern).matcher(Files.readString(Path.of(file)));
            if (!matcher.find()) {
                throw new IllegalStateException(file + " has no " + pattern);
            }
            return matcher.group(1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
