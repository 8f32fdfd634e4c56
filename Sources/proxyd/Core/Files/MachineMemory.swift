import CMalloc
import Glibc

/// The memory that the process may have: the machine's, or what its control group is given of it.
enum MachineMemory {
    /// In bytes.
    static let size = min(ofMachine, ofControlGroup ?? .max)

    /// What `memory_limit` is unless it is set.
    static let usualLimit = max(size / 4, 256 << 20)

    private static var ofMachine: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    /// The limit of cgroups(7), version 2 or 1; nil when there is none.
    private static var ofControlGroup: Int? {
        let paths = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        return paths.lazy.compactMap { path in
            let bytes = try? readWholeFile(path, limit: 64)
            return bytes.flatMap { Int(String(decoding: $0, as: UTF8.self).prefix { $0.isNumber }) }
        }.first
    }

    /// Has large buffers given back to the kernel when they are freed, rather than kept for the next (mallopt(3)).
    static func returnLargeBuffers() {
        mallopt(M_MMAP_THRESHOLD, Int32(Limits.returnedBufferBytes))
        mallopt(M_TRIM_THRESHOLD, Int32(Limits.returnedBufferBytes))
    }
}
