import Glibc

/// How to start a child process: the program, its standard streams, and its process group.
///
/// The child inherits no other files, no ignored signals and no blocked signals, and may run on every core of the
/// daemon.
struct AddonProcessSpawn {
    var program: String
    var arguments: [String]
    var environment: [String]
    /// Files for stdin, stdout and stderr; nil means `/dev/null`.
    var streams: [OwnedFile?]
    /// The process group to join; 0 creates a new one, named after the child.
    var group: pid_t

    /// Runs the program and returns its process id, which the caller must wait for.
    func start() throws(FileError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        fill(&actions)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        fill(&attributes)
        var pid: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(environment) { envp in
                withCoresOfDaemon { posix_spawn(&pid, program, &actions, &attributes, argv, envp) }
            }
        }
        guard code == 0 else { throw FileError("cannot run \(program)", code: code) }
        return pid
    }

    private func fill(_ actions: inout posix_spawn_file_actions_t) {
        for (target, file) in zip(Int32(0)..., streams) {
            if let file {
                posix_spawn_file_actions_adddup2(&actions, file.number, target)
            } else {
                posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
            }
        }
        _ = addCloseFrom?(&actions, 3)
    }

    private func fill(_ attributes: inout posix_spawnattr_t) {
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, group)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }
}

private typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

/// glibc declares it only with _GNU_SOURCE, so it is looked up by name.
private let addCloseFrom: AddCloseFrom? = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
    unsafeBitCast($0, to: AddCloseFrom.self)
}

/// A child inherits the cores of its parent thread, which may be bound to the core of a loop.
private func withCoresOfDaemon<Result>(_ body: () -> Result) -> Result {
    CoreSet.ofDaemon?.bound(body) ?? body()
}

private func withCStrings<Result>(
    _ strings: [String],
    _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers + [nil])
}
