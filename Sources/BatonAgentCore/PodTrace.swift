public import BatonCore
import FoundationEssentials

/// Traces a subPath mount through the Pod's spec to the object behind it.
public struct PodTrace: Sendable {
    private let pod: Pod

    /// Why it leads to no object, in words.
    public struct Untraceable: Error, Hashable, Sendable { public let reason: String }

    /// - Parameter body: the answer to a GET of the Pod.
    public init(_ body: some Collection<UInt8>) throws(Undecodable) {
        // Its environment may hold secrets: of what is wrong with it nothing is told.
        guard let pod = try? JSONDecoder().decode(Pod.self, from: Data(body)) else {
            throw Undecodable(reason: "the API server sent an invalid Pod")
        }
        self.pod = pod
    }

    public func follow(_ mount: SubpathMount) throws(Untraceable) -> SubpathProjection {
        let containers = [pod.spec.containers, pod.spec.initContainers, pod.spec.ephemeralContainers]
        let mounts = containers.compactMap { $0 }.joined().flatMap { $0.volumeMounts ?? [] }.filter { candidate in
            (mount.volume == nil || candidate.name == mount.volume)
                && (candidate.subPath.map(Self.normal) == mount.path || candidate.subPathExpr != nil)
        }
        // The path may have been written by way of a link.
        let exact = mounts.filter { "/" + Self.normal($0.mountPath) == mount.point }
        var found: [SubpathProjection] = []
        for volume in Set((exact.isEmpty ? mounts : exact).map(\.name)).sorted() {
            let projection = try projection(volume, mount.path)
            if !found.contains(projection) { found.append(projection) }
        }
        guard let only = found.first else {
            throw Untraceable(reason: "no container of the Pod has a subPath mount of \(mount.path) at that path")
        }
        guard found.count == 1 else {
            let objects = found.map { $0.object.description }.sorted().joined(separator: ", ")
            throw Untraceable(reason: "containers of the Pod mount different objects at that path: \(objects)")
        }
        return only
    }

    private func projection(_ name: String, _ path: String) throws(Untraceable) -> SubpathProjection {
        guard let volume = pod.spec.volumes?.first(where: { $0.name == name }) else {
            throw Untraceable(reason: "the Pod has no volume \(name)")
        }
        let parts =
            [volume.configMap.flatMap { Self.part(.configMap, $0) }, volume.secret.flatMap { Self.part(.secret, $0) }]
            + (volume.projected?.sources ?? []).flatMap {
                [
                    $0.configMap.flatMap { Self.part(.configMap, $0) }, $0.secret.flatMap { Self.part(.secret, $0) },
                ]
            }
        let leading = parts.compactMap { $0 }.compactMap { part in
            Self.files(part.items, below: path).map {
                SubpathProjection(object: part.object, path: path, files: $0)
            }
        }
        // Of those that name their keys one has said so; one that has all of its own may have it.
        let named = leading.filter { $0.files != nil }
        let chosen = named.isEmpty ? leading : named
        guard let first = chosen.first else {
            throw Untraceable(reason: "no ConfigMap or Secret of volume \(name) provides \(path)")
        }
        guard chosen.count == 1 else {
            throw Untraceable(reason: "several objects of volume \(name) can provide \(path)")
        }
        return first
    }

    /// What of these items comes to lie at or below a path: key by file name; nil for all keys by their own names (which
    /// then is the path itself); nothing: none does.
    private static func files(_ items: [Pod.Item]?, below path: String) -> [String: String]?? {
        guard let items else { return path.contains("/") ? .none : .some(nil) }
        var files: [String: String] = [:]
        for item in items {
            let lies = normal(item.path)
            // The API server lets none in; what is written by this name stays where it belongs all the same.
            guard !lies.split(separator: "/").contains("..") else { continue }
            if lies == path { return [String(path.split(separator: "/").last ?? ""): item.key] }
            if lies.hasPrefix(path + "/") { files[String(lies.dropFirst(path.count + 1))] = item.key }
        }
        return files.isEmpty ? .none : .some(files)
    }

    private static func part(_ kind: ObjectSource.Kind, _ raw: Pod.Projection) -> (
        object: ObjectSource, items: [Pod.Item]?
    )? {
        guard let name = raw.secretName ?? raw.name else { return nil }
        return (
            ObjectSource(kind: kind, namespace: nil, name: name, key: nil, isOptional: raw.optional ?? false),
            raw.items
        )
    }

    /// Without slashes that mean nothing.
    private static func normal(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}

/// What of an object lies on a subPath mount.
public struct SubpathProjection: Hashable, Sendable {
    public let object: ObjectSource
    let path: String
    /// Key by file name; nil: the key is called as the path is.
    let files: [String: String]?

    /// The keys that it takes.
    public var keys: [String] { files?.values.sorted() ?? [path] }

    /// Nil where one of the keys is missing: what was there before is better than half of it.
    public func content(of object: KubernetesObject) -> [String: [UInt8]]? {
        var content: [String: [UInt8]] = [:]
        for (name, key) in files ?? [path: path] {
            guard let bytes = object.files[key] else { return nil }
            content[name] = bytes
        }
        return content
    }
}

/// The Pod's spec, as much of it as is wanted.
private struct Pod: Decodable, Sendable {
    let spec: Spec

    struct Spec: Decodable, Sendable {
        let containers: [Container]?
        let initContainers: [Container]?
        let ephemeralContainers: [Container]?
        let volumes: [Volume]?
    }

    struct Container: Decodable, Sendable {
        let volumeMounts: [Mount]?
    }

    struct Mount: Decodable, Sendable {
        let name: String
        let mountPath: String
        let subPath: String?
        let subPathExpr: String?
    }

    struct Volume: Decodable, Sendable {
        let name: String
        let configMap: Projection?
        let secret: Projection?
        let projected: Projected?
    }

    struct Projected: Decodable, Sendable {
        let sources: [Source]?
    }

    struct Source: Decodable, Sendable {
        let configMap: Projection?
        let secret: Projection?
    }

    struct Projection: Decodable, Sendable {
        let name: String?
        let secretName: String?
        let optional: Bool?
        let items: [Item]?
    }

    struct Item: Decodable, Sendable {
        let key: String
        let path: String
    }
}
