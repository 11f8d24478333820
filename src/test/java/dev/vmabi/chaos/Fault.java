package dev.vmabi.chaos;

import java.util.Random;

/**
 * Something that goes wrong for a while.
 *
 * @param blocks whether the operator cannot see or write for as long as it lasts
 * @param group faults of one group never overlap, others may
 * @param seconds how long it lasts; 0 for what is over as soon as it is done
 */
record Fault(String name, String group, boolean blocks, int seconds, Act begin, Act end) {

    /** One half of a fault; whatever it decides by chance comes from the seed. */
    @FunctionalInterface
    interface Act {
        void act(Random random) throws Exception;
    }
}
