package dev.vmabi.fleet;

/** Reasons of conditions, on policies, NodeABIs and content-addressed objects; docs/reference/conditions.md has cause and cure of each. */
public enum ConditionReason {
    /** Ready, BaselinePinned: there is a baseline. */
    Pinned,
    WaitingForNodes,
    NoNodes,
    ProfileMissing,
    WaitingForProof,
    ProofFailed,
    NoCommonABI,
    PolicyInvalid,

    /** Converged. */
    AllAccept,
    NotPinned,
    NodesFenced,
    NodesWaiting,

    /** RaiseAvailable. */
    Proved,
    NoCandidate,

    /** Lowered. */
    Lowered,
    AlreadyLowered,
    NotOffered,
    WouldStrand,

    /** Degraded; UnknownVMs forbid a lowering, too. */
    AsExpected,
    PolicyConflict,
    BaselineMissing,
    NoAcceptingNode,
    UnknownVMs,

    /** Of a NodeABI: Reporting and Fresh. */
    ReportHolds,
    PresentBoot,
    EarlierBoot,
    Unusable,

    /** Of a NodeABI: Compatible. */
    Accepting,
    Fenced,
    Waiting,
    NoPolicy,

    /** Of an ABIProfile or a GuestABI: Valid. */
    DigestMatches,
    ContentInvalid
}
