package dev.vmabi.browser;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vmabi.demo.Story;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** What the page must do, asked of the page itself. */
final class PageChecks {
    private static final int PHONE = 320;
    private static final int DESK = 1280;

    private final Story story;
    private final Tab tab;
    private final URI page;
    private final String axe;

    PageChecks(Story story, Tab tab, URI page, String axe) {
        this.story = story;
        this.tab = tab;
        this.page = page;
        this.axe = axe;
    }

    /** Below the browser: names of other machines, and anything but reading, are refused. */
    void answersOnlyWhatItShould() {
        story.step("The page answers to localhost alone, and only reads");
        String authority = "127.0.0.1:" + page.getPort();
        story.check(
                "a foreign name is refused",
                raw("GET / HTTP/1.1\r\nHost: evil.example\r\n").contains(" 421 "));
        story.check(
                "writing is refused",
                raw("POST /api/fleet HTTP/1.1\r\nHost: " + authority + "\r\n").contains(" 405 "));
        story.check(
                "what is not there is not found",
                raw("GET /../../etc/passwd HTTP/1.1\r\nHost: " + authority + "\r\n")
                        .contains(" 404 "));
        story.check(
                "a content security policy is sent",
                raw("GET / HTTP/1.1\r\nHost: " + authority + "\r\n").contains("default-src 'none'; script-src 'self'"));
    }

    private String raw(String head) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), page.getPort())) {
            socket.getOutputStream().write((head + "Connection: close\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Each view shows its object, fits a phone, and has nothing that axe calls serious, in both schemes. */
    void everyView() {
        story.step("Every view, on a phone and on a desk, light and dark");
        List<String> found = new ArrayList<>();
        tab.scheme("light");
        tab.size(DESK, 900);
        view(found, "", "Where the fences stand", "cortex-a57", "generation 1", "2 fenced", "NoCommonABI", "denied");
        view(
                found,
                "policy/cortex-a57",
                "cortex-a57",
                "PSCI_VERSION",
                "1.3",
                "Cortex-A57",
                "psci=1.1",
                "a57-4",
                "Pinned");
        String label = tab.eval("document.querySelector('.graph a.cell').getAttribute('href').split('/').pop()")
                .asText();
        story.check(
                "classes are drawn",
                tab.eval("document.querySelectorAll('.graph a.cell').length").asInt() == 3);
        story.check(
                "arrows are drawn",
                tab.eval("document.querySelectorAll('.graph path.edge').length").asInt() >= 2);
        view(found, "policy/cortex-a57/class/" + label, "Class A", "a57", "Cortex-A57");
        view(found, "policy/mixed", "mixed", "NoCommonABI", "FEAT_SVE2", "QEMU max");
        view(found, "nodes?policy=cortex-a57&state=Fenced", "Nodes", "2 nodes", "a57-2", "a57-4");
        view(found, "node/a57-3", "a57-3", "takes it", "default/db");
        view(found, "vms", "VMs", "default/web", "default/db", "islanded");
        view(found, "vm/default/db", "default/db", "PSCI_VERSION: value above the host's", "a57-1", "denied");
        String abi = tab.eval("document.querySelector('a[href^=\"#/guest-abi/\"]').textContent")
                .asText();
        view(found, "guest-abi/" + abi, abi, "23 features");
        view(found, "decisions", "What the gate decided", "steered", "denied");
        view(found, "node/no-such-node", "There is no such object now");
        story.check("axe finds nothing serious:\n" + String.join("\n", found), found.isEmpty());
    }

    private void view(List<String> found, String view, String... texts) {
        show(view, texts[0]);
        for (String text : texts) {
            story.await(
                    view + " to show \"" + text + "\"", () -> tab.text("main").contains(text));
        }
        tab.size(PHONE, 640);
        int width = tab.eval("document.documentElement.scrollWidth").asInt();
        story.check(view + " fits " + PHONE + " pixels; it has " + width, width <= PHONE);
        tab.size(DESK, 900);
        for (String scheme : List.of("light", "dark")) {
            tab.scheme(scheme);
            violations().forEach(v -> found.add(view + " (" + scheme + "): " + v));
        }
        tab.scheme("light");
    }

    private void show(String view, String text) {
        tab.go(Browse.at(page, view));
        story.await(view + " to be shown", () -> tab.text("main").contains(text));
    }

    private List<String> violations() {
        if (!tab.eval("typeof axe").asText().equals("object")) {
            JsonNode _ = tab.eval(axe + ";0");
        }
        JsonNode found = tab.eval("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations"
                + ".filter(v => v.impact === 'serious' || v.impact === 'critical')"
                + ".map(v => v.id + ': ' + v.nodes[0].html.slice(0, 200) + ' ' + v.nodes[0].failureSummary))");
        List<String> violations = new ArrayList<>();
        found.forEach(v -> violations.add(v.asText()));
        return violations;
    }

    /** Search, links and focus without a mouse. */
    void keyboard() {
        story.step("By keyboard alone");
        show("", "Where the fences stand");
        tab.press("/");
        tab.type("a57-3");
        story.await("a node to be found", () -> tab.text("#found").contains("a57-3"));
        tab.press("Enter");
        story.await("the node to be shown", () -> tab.text("h1").equals("a57-3"));
        tab.press("/");
        tab.type("db");
        story.await("a VM to be found", () -> tab.text("#found").contains("default/db"));
        tab.press("ArrowDown");
        tab.press("Enter");
        story.await("the VM to be shown", () -> tab.text("h1").equals("default/db"));
        show("policy/cortex-a57", "The fence");
        JsonNode _ = tab.eval("document.querySelector('.graph a.cell').focus()");
        story.check(
                "a class with focus says where its VMs can go",
                tab.text(".says").contains("VMs of class A can go to"));
        tab.press("Enter");
        story.await("the class to be shown", () -> tab.text("h1").equals("Class A"));
        tab.go(page);
        story.await("the page to be there", () -> tab.text("h1").startsWith("Where"));
        JsonNode _ = tab.eval("document.activeElement.blur()");
        tab.press("Tab");
        story.check(
                "every stop is visible",
                tab.eval("getComputedStyle(document.activeElement).outlineStyle")
                        .asText()
                        .equals("solid"));
    }

    /** A raise is seen as it happens, without reloading, and without losing the reader's place. */
    void raiseWhileOpen(Runnable raise) {
        show("policy/cortex-a57", "generation 1");
        JsonNode _ = tab.eval("window.opened = 'before the raise';"
                + "document.querySelector('details[data-key=common] summary').click();"
                + "document.querySelector('details[data-key=common] summary').focus(); scrollTo(0, 300)");
        raise.run();
        story.step("The page that was open all the while has followed");
        story.await("generation 2 to be shown", () -> tab.text("main").contains("generation 2"));
        story.await("the history to tell of it", () -> tab.text("#history").contains("Raised"));
        story.await(
                "it to be told to who does not see",
                () -> tab.text("#news").equals("cortex-a57: generation 2 is pinned."));
        story.check("it was not loaded anew", tab.eval("window.opened").asText().equals("before the raise"));
        story.check(
                "what was open is open",
                tab.eval("document.querySelector('details[data-key=common]').open")
                        .asBoolean());
        story.check(
                "focus stayed",
                tab.eval("document.activeElement.parentElement.dataset.key")
                        .asText()
                        .equals("common"));
        story.check("nothing moved", tab.eval("scrollY").asInt() == 300);
    }

    /** 5,000 nodes are drawn as classes, and found by name. */
    void crowd() {
        story.step("5,000 nodes on the page");
        show("", "neoverse-n1");
        story.await(
                "the counts",
                () -> tab.text("main").contains("5,0") && tab.text("main").contains("of 4,000 nodes accept"));
        Map<String, String> headings = new LinkedHashMap<>();
        headings.put("", "Where the fences stand");
        headings.put("policy/neoverse-n1", "neoverse-n1");
        headings.put("policy/zoo", "zoo");
        headings.put("nodes", "Nodes");
        headings.put("vms", "VMs");
        headings.forEach((view, heading) -> {
            tab.go(Browse.at(page, "decisions"));
            story.await("another view", () -> tab.text("h1").startsWith("What the gate"));
            long start = System.nanoTime();
            tab.go(Browse.at(page, view));
            story.await(heading + " to be shown", () -> tab.text("h1").equals(heading));
            long millis = (System.nanoTime() - start) / 1_000_000;
            int elements =
                    tab.eval("document.querySelectorAll('main *').length").asInt();
            story.say("%-22s %5d elements, shown after %d ms"
                    .formatted(view.isEmpty() ? "overview" : view, elements, millis));
            story.check(view + " does not grow with nodes", elements < 4000);
            tab.size(PHONE, 640);
            story.check(
                    view + " fits a phone",
                    tab.eval("document.documentElement.scrollWidth").asInt() <= PHONE);
            tab.size(DESK, 900);
            List<String> violations = violations();
            story.check(heading + " is accessible: " + violations, violations.isEmpty());
        });
        show("policy/neoverse-n1", "Classes by feature");
        story.await(
                "five classes to be drawn",
                () -> tab.eval("document.querySelectorAll('.graph a.cell').length")
                                .asInt()
                        == 5);
        search("n1-03990", "n1-03990");
        search("shop-00149", "default/shop-00149");
    }

    private void search(String typed, String heading) {
        JsonNode _ = tab.eval("document.getElementById('find').value = ''");
        tab.press("/");
        tab.type(typed);
        story.await(typed + " to be found", () -> tab.text("#found").contains(typed));
        tab.press("Enter");
        story.await(heading + " to be shown", () -> tab.text("h1").equals(heading));
    }

    /** Nothing was complained about, and nobody but the operator was asked. */
    void quiet() {
        story.step("What the browser saw");
        List<String> complaints = tab.complaints().stream()
                .filter(c -> !c.contains("404 (Not Found)") || !c.contains("no-such-node"))
                .toList();
        story.check("the console is empty: " + complaints, complaints.isEmpty());
        List<URI> elsewhere = tab.requests().stream()
                .filter(u -> !("127.0.0.1".equals(u.getHost()) && u.getPort() == page.getPort()))
                .filter(u -> !"about".equals(u.getScheme()))
                .toList();
        story.check("no other host is asked: " + elsewhere, elsewhere.isEmpty());
        story.say(tab.requests().size() + " requests, all to the operator; no word on the console");
    }

    void saysThatItIsGone() {
        story.await(
                "the page to say that it is cut off", () -> tab.text("#live").equals("not connected"));
        story.check("what was known stays", !tab.text("h1").isEmpty());
    }

    /** The pictures of README and docs, before the raise. */
    void pictures(Path directory) {
        for (String scheme : List.of("light", "dark")) {
            tab.scheme(scheme);
            picture("", 1200, 0, directory.resolve("fences-" + scheme + ".png"));
            picture("policy/cortex-a57", 1200, 1080, directory.resolve("policy-" + scheme + ".png"));
            picture("vm/default/db", 1200, 0, directory.resolve("vm-" + scheme + ".png"));
        }
        tab.scheme("light");
    }

    void crowdPicture(Path directory) {
        for (String scheme : List.of("light", "dark")) {
            tab.scheme(scheme);
            picture("policy/zoo", 1600, 0, directory.resolve("crowd-" + scheme + ".png"));
        }
        tab.scheme("light");
    }

    /** Height 0: the whole page. */
    private void picture(String view, int width, int height, Path file) {
        tab.size(width, height == 0 ? 800 : height);
        show(view, "");
        BooleanSupplier drawn = () -> tab.eval("location.hash === " + Tab.quoted("#/" + view)
                        + " && document.querySelector('main h1') !== null && document.title.length > 5")
                .asBoolean();
        story.await(view, drawn);
        JsonNode _ = tab.eval("document.activeElement.blur()");
        Story.pause(Duration.ofMillis(400));
        if (height == 0) {
            tab.size(
                    width,
                    Math.min(
                            2400,
                            tab.eval("document.documentElement.scrollHeight").asInt()));
            Story.pause(Duration.ofMillis(200));
        }
        tab.picture(file);
        tab.size(DESK, 900);
    }
}
