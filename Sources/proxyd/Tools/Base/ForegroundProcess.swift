import Glibc

/// A program started as a shell would start it: on this terminal, with no signals blocked or ignored.
enum ForegroundProcess {
    /// Why the program was not started: an error number of posix_spawn(3).
    struct Failed: Error { let number: Int32 }

    /// - Parameters:
    ///   - words: the program, looked up as a shell does, and its arguments.
    ///   - variables: its environment; nil: the environment of this process.
    /// - Returns: its process id, for the caller to wait for.
    static func start(_ words: [String], _ variables: [String: String]? = nil) throws(Failed) -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, ignored) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigemptyset(&ignored)
        sigaddset(&ignored, SIGPIPE)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &ignored)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = words.map { strdup($0) } + [nil]
        var own = (variables ?? [:]).map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + own { free(text) } }
        var pid = pid_t()
        let failure =
            variables == nil
            ? posix_spawnp(&pid, words[0], nil, &attributes, &arguments, environ)
            : posix_spawnp(&pid, words[0], nil, &attributes, &arguments, &own)
        guard failure == 0 else { throw Failed(number: failure) }
        return pid
    }
}
