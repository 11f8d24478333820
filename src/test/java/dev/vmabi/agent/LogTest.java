package dev.vmabi.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class LogTest {
    private static final String AWKWARD = "KVM said \"no\"\n\tat 0x2 \\ \u0007 ok";

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private Log log(boolean json) {
        return new Log("node-1", new PrintStream(out, true, StandardCharsets.UTF_8), json);
    }

    @Test
    void anyMessageIsOneJsonObjectOnOneLine() throws JsonProcessingException {
        log(true).warn(AWKWARD);
        assertThat(out.toString(StandardCharsets.UTF_8)).hasLineCount(1);
        JsonNode line = new ObjectMapper().readTree(out.toString(StandardCharsets.UTF_8));
        assertThat(line.path("message").asText()).isEqualTo(AWKWARD);
        assertThat(line.path("level").asText()).isEqualTo("WARN");
        assertThat(line.path("node").asText()).isEqualTo("node-1");
        assertThat(Instant.parse(line.path("timestamp").asText())).isBeforeOrEqualTo(Instant.now());
    }

    @Test
    void onATerminalItIsOneLineForPeople() {
        log(false).info("one\ntwo");
        assertThat(out.toString(StandardCharsets.UTF_8)).hasLineCount(1).contains(" INFO node=node-1 one two");
    }
}
