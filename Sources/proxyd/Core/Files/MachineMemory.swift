import CMalloc
import Glibc

/// The memory available to the process: the machine's, or the limit of its control group.
enum MachineMemory {
    /// The size, in bytes.
    static let size = min(ofMachine, ofControlGroup ?? .max)

    /// The default of `memory_limit`.
    static let usualLimit = max(size / 4, 256 << 20)

    private static var ofMachine: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    /// The limit that cgroups(7) set, version 2 or 1; nil when there is none.
    private static var ofControlGroup: Int? {
        let paths = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        return paths.lazy.compactMap { path in
            let bytes = try? readWholeFile(path, limit: 64)
            return bytes.flatMap { Int(String(decoding: $0, as: UTF8.self).prefix { $0.isNumber }) }
        }.first
    }

    /// Makes malloc return large freed buffers to the kernel instead of keeping them (mallopt(3)).
    static func returnLargeBuffers() {
        mallopt(M_MMAP_THRESHOLD, Int32(Limits.returnedBufferBytes))
        mallopt(M_TRIM_THRESHOLD, Int32(Limits.returnedBufferBytes))
    }
}
