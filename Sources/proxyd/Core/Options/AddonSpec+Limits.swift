import AddonProtocol
import Glibc

extension AddonSpec {
    /// Resource limits for one process of an addon, set with setrlimit(2); nil means the daemon's own limit.
    package struct ResourceLimits: Sendable, Equatable {
        /// Address space, in bytes.
        var memory: Int?
        /// Open file descriptors.
        var files: Int?
        /// Processes and threads of the user, whoever started them.
        var processes: Int?

        static let allowed =
            "a mapping of memory (a size of at least 1m, such as 512m), files (at least 16) and processes (at least 1)"

        init() {}

        /// Nil when a value is not allowed or a key is unknown.
        init?(_ json: JSONValue) {
            guard let members = json.members else { return nil }
            for member in members {
                let number = member.value.intValue ?? member.value.stringValue.flatMap(ByteSize.parse)
                guard let number else { return nil }
                switch member.name {
                case "memory" where (1 << 20...1 << 50).contains(number): memory = number
                case "files" where (16...1 << 30).contains(number): files = number
                case "processes" where (1...1 << 30).contains(number): processes = number
                default: return nil
                }
            }
        }

        /// Nil when there are no limits.
        var json: JSONValue? {
            let members = [("memory", memory), ("files", files), ("processes", processes)]
            let given = members.compactMap { name, value in value.map { JSONValue.Member(name, .integer($0)) } }
            return given.isEmpty ? nil : .object(given)
        }

        /// Limits the files and processes of the calling process.
        func apply() throws(FileError) {
            try bound("files", RLIMIT_NOFILE, files)
            try bound("processes", __RLIMIT_NPROC, processes)
        }

        /// Limits the memory of the calling process, perhaps to less than it already uses.
        func applyMemory() throws(FileError) {
            try bound("memory", RLIMIT_AS, memory)
        }

        private func bound(_ name: String, _ resource: __rlimit_resource, _ limit: Int?) throws(FileError) {
            guard let limit else { return }
            var bound = rlimit(rlim_cur: rlim_t(limit), rlim_max: rlim_t(limit))
            guard setrlimit(__rlimit_resource_t(resource.rawValue), &bound) == 0 else {
                throw FileError("cannot limit \(name) to \(limit)")
            }
        }
    }
}
