import BatonCore
import Testing

@Suite struct SteeringBookTests {
    /// Generations 1, 2, … each have the socket of the number before theirs; generation 1 gets new connections.
    private func book(_ count: Int) -> SteeringBook {
        var book = SteeringBook()
        for number in 1...count { book.add(owner: GenerationNumber(number)) }
        return book
    }

    private func choice(_ book: SteeringBook, _ generation: GenerationNumber, waitedFor: Set<Int> = [])
        -> SteeringBook.Choice
    {
        book.choice(for: generation) { waitedFor.contains($0) }
    }

    // MARK: who takes which

    @Test func theFirstOneOpensASocketAndKeepsIt() {
        var book = SteeringBook()
        #expect(choice(book, 1) == .new && !book.isOwned && book.socket(at: 0) == nil)
        #expect(book.add(owner: 1) == 0)
        #expect(choice(book, 1) == .own(0) && choice(book, 2) == .new)
        #expect(book.isOwned && book.socket(of: 1) == 0 && book.owner(of: 0) == 1 && book.place(of: 1) == 0)
        #expect(book.owner(of: 7) == nil && book.socket(at: 7) == nil && book.socket(at: -1) == nil)
    }

    @Test func theTargetIsTakenFirstThenWhereClientsWaitThenAnyFreeOne() {
        var book = book(4)
        for number in 1...4 { book.release(GenerationNumber(number)) }
        #expect(!book.isOwned)
        #expect(choice(book, 5, waitedFor: [2]) == .free(0))
        book.give(0, to: 5)
        #expect(choice(book, 6, waitedFor: [2]) == .free(2))
        #expect(choice(book, 6) == .free(1))
        book.give(1, to: 6)
        book.give(2, to: 7)
        book.give(3, to: 8)
        #expect(choice(book, 9, waitedFor: [0, 1, 2, 3]) == .new)
    }

    /// It costs a system call for each socket.
    @Test func whereClientsWaitIsAskedOnlyWhereItDecides() {
        var asked = 0
        func ask(_: Int) -> Bool {
            asked += 1
            return true
        }
        var book = book(2)
        _ = book.choice(for: 1, isWaitedFor: ask)
        _ = book.choice(for: 3, isWaitedFor: ask)
        book.release(1)
        _ = book.choice(for: 3, isWaitedFor: ask)
        #expect(asked == 0)
        book.give(0, to: 3)
        book.release(2)
        #expect(book.choice(for: 4, isWaitedFor: ask) == .free(1) && asked == 1)
    }

    @Test func whatIsNotThereCannotBeGivenReleasedOrRevived() {
        var book = book(1)
        let before = book
        book.give(1, to: 2)
        book.release(2)
        #expect(book.revive(1).isEmpty)
        #expect(book == before)
    }

    // MARK: who gets new connections

    @Test func newConnectionsGoWhereTheyAreSteered() throws {
        var book = book(3)
        #expect(book.target == .init(0))
        let target = try #require(book.target(for: 2))
        #expect(target == .init(1) && book.target == .init(0), "the kernel has not been told")
        book.steer(to: target)
        #expect(book.target == .init(1))
        #expect(book.target(for: 9) == nil)
    }

    @Test func aShareGoesToAnotherOneThatHasASocket() throws {
        let book = book(3)
        let shared = try #require(book.target(for: 3, .init(of: 1, percent: 30)))
        #expect(shared.place == 2 && shared.other == 0 && shared.otherPercent == 30)
        #expect(book.target(for: 3, .init(of: 9, percent: 30)) == .init(2))
    }

    @Test func abandonedIsWhatNobodyHasAndNothingIsSteeredTo() throws {
        var book = book(4)
        #expect(book.abandoned.isEmpty)
        book.release(1)
        #expect(book.abandoned.isEmpty, "the target's clients are for the next generation")
        book.release(2)
        book.release(3)
        #expect(book.abandoned == [1, 2])
        book.steer(to: try #require(book.target(for: 4)))
        #expect(book.abandoned == [0, 1, 2])
        var shared = SteeringBook.Target(3)
        shared.other = 1
        book.steer(to: shared)
        #expect(book.abandoned == [0, 2])
    }

    @Test func whoServesIsWhoHasTheTarget() throws {
        var book = book(2)
        #expect(book.isServed && !SteeringBook().isServed)
        book.release(1)
        #expect(!book.isServed)
        book.steer(to: try #require(book.target(for: 2)))
        #expect(book.isServed)
    }

    // MARK: sockets that were shut down

    @Test func aRevivedSocketIsTheLastOfTheGroupAndTheLastOneInItsPlace() {
        var book = book(3)
        book.steer(to: .init(2))
        #expect(book.revive(0) == [.steer(through: 2), .listen(0)])
        #expect(book.sockets == [2, 1, 0] && book.target == .init(0))
        #expect(book.socket(of: 1) == 0 && book.place(of: 1) == 2 && book.place(of: 3) == 0)
    }

    @Test func theOneThatIsNeitherKeepsItsPlace() {
        var book = book(4)
        var target = SteeringBook.Target(1)
        target.other = 3
        target.otherPercent = 10
        book.steer(to: target)
        #expect(book.revive(0) == [.steer(through: 1), .listen(0)])
        #expect(book.target.place == 1 && book.target.other == 0 && book.target.otherPercent == 10)
    }

    @Test func theTargetItselfListensBeforeTheKernelIsTold() {
        var book = book(2)
        #expect(book.revive(0) == [.listen(0), .steer(through: 0)])
        #expect(book.sockets == [1, 0] && book.target == .init(1))
        #expect(book.revive(0) == [.listen(0), .steer(through: 0)] && book.sockets == [1, 0])
    }

    /// What Linux does with a group: a socket that stops listening leaves it, and the last one moves into its place
    /// (reuseport_detach_sock); one that begins to listen is the last one (reuseport_add_sock). The program stays.
    private struct Kernel {
        var group: [Int] = []
        var program = SteeringBook.Target(0)

        mutating func shutDown(_ socket: Int) {
            guard let place = group.firstIndex(of: socket) else { return }
            group[place] = group[group.count - 1]
            group.removeLast()
        }

        mutating func perform(_ step: SteeringBook.Step, _ book: SteeringBook) -> Bool {
            switch step {
            case .steer(let through):
                program = book.target
                return group.contains(through)
            case .listen(let socket): group.append(socket)
            }
            return true
        }

        /// Nil: to any of the group, by the kernel's hash.
        func socket(at place: Int?) -> Int? { place.flatMap { group.indices.contains($0) ? group[$0] : nil } }
    }

    /// From the first step that touches the group to the last one no connection goes to a socket that it was not steered to.
    @Test func theKernelsGroupIsAsTheBookSaysAfterEveryRevival() throws {
        var random = RandomSource(seed: 11)
        for _ in 0..<2000 {
            let count = Int.random(in: 1...5, using: &random)
            var book = book(count)
            var kernel = Kernel(group: Array(0..<count))
            for _ in 0..<12 {
                let share = SteeringBook.Share(
                    of: GenerationNumber(Int.random(in: 1...count, using: &random)), percent: 20)
                let target = try #require(
                    book.target(
                        for: GenerationNumber(Int.random(in: 1...count, using: &random)),
                        Bool.random(using: &random) ? share : nil))
                book.steer(to: target)
                kernel.program = target
                let (wanted, other) = (book.socket(at: target.place), target.other.flatMap { book.socket(at: $0) })
                let socket = Int.random(in: 0..<count, using: &random)
                kernel.shutDown(socket)
                let isTold = socket != wanted
                for step in book.revive(socket) {
                    let isTaken = kernel.perform(step, book)
                    try #require(isTaken)
                    guard isTold else { continue }
                    try #require(kernel.socket(at: kernel.program.place) == wanted)
                    try #require([nil, other].contains(kernel.socket(at: kernel.program.other)))
                }
                try #require(kernel.group == book.sockets && kernel.program == book.target)
                try #require(kernel.socket(at: kernel.program.place) == wanted)
                try #require(kernel.socket(at: kernel.program.other) == other)
            }
        }
    }
}
