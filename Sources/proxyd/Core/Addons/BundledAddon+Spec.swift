extension BundledAddon {
    /// What its failure means it says itself.
    var spec: AddonSpec { AddonSpec(bundled: name, AddonProcess.ownProgram, arguments, onFailure: nil) }
}
