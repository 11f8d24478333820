package dev.vmabi.web;

import dev.vmabi.fleet.RecentDecisions;

/** A decision of the gate, with its time as RFC 3339. */
record DecisionRow(
        long number, String at, String hook, String verdict, String reason, String namespace, String vm, String text) {

    static DecisionRow of(RecentDecisions.Entry e) {
        return new DecisionRow(
                e.number(), e.at().toString(), e.hook(), e.verdict(), e.reason(), e.namespace(), e.vm(), e.text());
    }
}
