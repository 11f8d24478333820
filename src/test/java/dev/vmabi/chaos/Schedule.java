package dev.vmabi.chaos;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Which fault begins when, from a seed alone: every fault once in chance order, then all again, until time is up. */
record Schedule(List<Injection> injections) {
    private static final int LEAST_BETWEEN = 2;
    private static final int MOST_BETWEEN = 8;

    /** @param at seconds after the start */
    record Injection(int at, Fault fault, long seed) {}

    static Schedule of(List<Fault> faults, int seconds, long seed) {
        Random random = new Random(seed);
        List<Injection> injections = new ArrayList<>();
        Map<String, Integer> busyUntil = new HashMap<>();
        Deque<Fault> deck = new ArrayDeque<>();
        int at = LEAST_BETWEEN;
        while (true) {
            if (deck.isEmpty()) {
                List<Fault> all = new ArrayList<>(faults);
                Collections.shuffle(all, random);
                deck.addAll(all);
            }
            Fault fault = deck.poll();
            at = Math.max(at, busyUntil.getOrDefault(fault.group(), 0));
            if (at + fault.seconds() > seconds) {
                return new Schedule(injections);
            }
            injections.add(new Injection(at, fault, random.nextLong()));
            busyUntil.put(fault.group(), at + fault.seconds() + 1);
            at += LEAST_BETWEEN + random.nextInt(MOST_BETWEEN - LEAST_BETWEEN + 1);
        }
    }
}
