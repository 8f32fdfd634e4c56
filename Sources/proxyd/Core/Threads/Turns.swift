import Synchronization

/// Runs operations one after another, in the order of their calls.
final class Turns: Sendable {
    /// Work that belongs to a turn but that its caller does not wait for.
    typealias Rest = @Sendable () async -> Void

    private let last = Mutex<Task<Void, Never>?>(nil)

    /// Waits for its turn, runs `body`, and returns its value. The rest of the turn then runs before the next one.
    func take<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> (Value, Rest)
    ) async throws(Failure) -> Value {
        let turn = last.withLock { last in
            let turn = Task { [former = last] in
                await former?.value
                return await Self.result(of: body)
            }
            last = Task { if case .success((_, let rest)) = await turn.value { await rest() } }
            return turn
        }
        return try await turn.value.get().0
    }

    private static func result<Value, Failure: Error>(
        of body: () async throws(Failure) -> Value
    ) async -> Result<Value, Failure> {
        do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
    }
}
