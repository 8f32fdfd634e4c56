import AddonProtocol
import Glibc

/// The command `proxyd launch-addon`: applies an addon's limits, user and folder to itself, then executes the addon.
enum AddonLaunch {
    static let command = "launch-addon"

    /// The arguments that run an addon; just its command if there is nothing to apply first.
    static func arguments(_ spec: AddonSpec) -> [String] {
        guard needsMore(spec) else { return shell(spec) }
        return ["proxyd", command, spec.processText]
    }

    /// The program that runs an addon.
    static func program(_ spec: AddonSpec) -> String { needsMore(spec) ? AddonProcess.ownProgram : "/bin/sh" }

    private static func needsMore(_ spec: AddonSpec) -> Bool {
        spec.user != nil || spec.cwd != nil || spec.limits != .init()
    }

    private static func shell(_ spec: AddonSpec) -> [String] { ["/bin/sh", "-c", spec.command] }

    /// Returns only when it fails.
    static func run(_ spec: AddonSpec) throws(FileError) {
        var arguments = shell(spec).map { strdup($0) }
        arguments.append(nil)
        let user = try spec.user.map { name throws(FileError) in try SystemUser(name) }
        let folder = spec.cwd?.path
        try spec.limits.apply()
        if let user, user.uid != getuid() { try become(user) }
        if let folder, chdir(folder) != 0 { throw FileError("cannot change to the folder \(folder)") }
        try spec.limits.applyMemory()
        execv("/bin/sh", arguments)
        throw FileError("cannot run /bin/sh")
    }

    private static func become(_ user: SystemUser) throws(FileError) {
        guard initgroups(user.name, user.gid) == 0, setgid(user.gid) == 0, setuid(user.uid) == 0 else {
            throw FileError("cannot become the user \(user.name)")
        }
    }
}

extension AddonSpec {
    /// The parts of the spec that concern its process, as text for the programs that start it.
    var processText: String {
        var spec = AddonSpec(name: "addon", command: command)
        (spec.user, spec.cwd, spec.limits) = (user, cwd, limits)
        return String(decoding: Self.encodeAll([spec]).encoded(), as: UTF8.self)
    }

    /// Reads what `processText` writes.
    init?(processText: String) {
        guard let json = try? JSONReader.read(Array(processText.utf8)), let spec = Self.decodeAll(json)?.first else {
            return nil
        }
        self = spec
    }
}
