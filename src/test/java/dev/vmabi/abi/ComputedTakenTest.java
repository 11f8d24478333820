package dev.vmabi.abi;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ComputedTakenTest {
    @Test
    void show() {
        for (String name : RecordedHosts.names()) {
            HostProfile host = RecordedHosts.profile(name);
            Version kernel = Version.parse(name.split("-")[1]);
            for (boolean masks : new boolean[] {true, false}) {
                Taken computed = Taken.computed(
                        host.defaultGuestAbi(), masks ? host.writableMasks() : Map.of(), Optional.of(kernel));
                host.taken().registers().forEach((id, measured) -> {
                    TakenRegister other = computed.registers().get(id);
                    if (!measured.equals(other)) {
                        if (measured instanceof TakenRegister.Nibbles m && other instanceof TakenRegister.Nibbles c) {
                            for (int s = 0; s < 64; s += 4) {
                                String a = m.nibbles().get(s);
                                String b = c.nibbles().get(s);
                                if (!java.util.Objects.equals(a, b)) {
                                    System.out.println((masks ? "M " : "R ") + name + " " + id.name() + " " + s + " "
                                            + a + " " + b);
                                }
                            }
                        } else {
                            System.out.println(
                                    (masks ? "M " : "R ") + name + " " + id.name() + " " + measured + " " + other);
                        }
                    }
                });
            }
        }
    }
}
