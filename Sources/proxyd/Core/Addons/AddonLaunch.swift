import AddonProtocol
import Glibc

/// What `proxyd launch-addon` does: it gives itself the limits, the user and the folder of an addon, and becomes it.
enum AddonLaunch {
    static let command = "launch-addon"

    /// What runs an addon: its command alone where there is nothing to be given to it before.
    static func arguments(_ spec: AddonSpec) -> [String] {
        guard needsMore(spec) else { return shell(spec) }
        return ["proxyd", command, spec.processText]
    }

    static func program(_ spec: AddonSpec) -> String { needsMore(spec) ? AddonProcess.ownProgram : "/bin/sh" }

    private static func needsMore(_ spec: AddonSpec) -> Bool {
        spec.user != nil || spec.cwd != nil || spec.limits != .init()
    }

    private static func shell(_ spec: AddonSpec) -> [String] { ["/bin/sh", "-c", spec.command] }

    /// Returns only when it cannot be done.
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
    /// What of it makes its process, for the programs that start it.
    var processText: String {
        var spec = AddonSpec(name: "addon", command: command)
        (spec.user, spec.cwd, spec.limits) = (user, cwd, limits)
        return String(decoding: Self.encodeAll([spec]).encoded(), as: UTF8.self)
    }

    init?(processText: String) {
        guard let json = try? JSONReader.read(Array(processText.utf8)), let spec = Self.decodeAll(json)?.first else {
            return nil
        }
        self = spec
    }
}
