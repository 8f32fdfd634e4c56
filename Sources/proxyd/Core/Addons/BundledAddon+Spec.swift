extension BundledAddon {
    /// The failure policy is left to the addon itself.
    var spec: AddonSpec { AddonSpec(bundled: name, AddonProcess.ownProgram, arguments, onFailure: nil) }
}
