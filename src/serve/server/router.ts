/** Finds the record of the route table that answers a request: exact paths in a map, the rest by their patterns in order. */
import type { Route } from '../protocols/http-call.ts';

export type RouteParams = Readonly<Record<string, string>>;

export type RouteMatch =
  | { readonly kind: 'found'; readonly route: Route; readonly params: RouteParams }
  /** A parameter is not valid percent-encoding of UTF-8. */
  | { readonly kind: 'undecodable'; readonly route: Route; readonly param: string; readonly value: string }
  /** The path exists under other methods. */
  | { readonly kind: 'wrong-method'; readonly allowed: readonly string[] }
  | { readonly kind: 'unknown' };

export interface Router {
  /** @param path raw, undecoded, without the query */
  match(method: string, path: string): RouteMatch;
}

/** Matches that are remembered: clients ask for few paths, and a pattern costs more than a look-up. */
const REMEMBERED_PATHS = 1024;

const NO_PARAMS: RouteParams = Object.freeze({});
const UNKNOWN: RouteMatch = { kind: 'unknown' };

/** Builds the matcher of a table. Exact paths win over patterns; among patterns the first in the table wins. */
export function createRouter(routes: readonly Route[]): Router {
  const exact = exactMatches(routes);
  const remembered = new Map<string, Map<string, RouteMatch>>(
    routes.map(({ method }) => [method, new Map()]),
  );
  return {
    match(method, path) {
      const known = exact.get(method)?.get(path) ?? remembered.get(method)?.get(path);
      if (known !== undefined) return known;
      const match = matchPattern(routes, method, path);
      if (match?.kind === 'found') remember(remembered.get(method), path, match);
      return match ?? missing(routes, path);
    },
  };
}

function remember(paths: Map<string, RouteMatch> | undefined, path: string, match: RouteMatch): void {
  if (paths?.size === REMEMBERED_PATHS) paths.clear();
  paths?.set(path, match);
}

function exactMatches(routes: readonly Route[]): Map<string, Map<string, RouteMatch>> {
  const byMethod = new Map<string, Map<string, RouteMatch>>();
  for (const route of routes) {
    if (route.pattern.includes('{') || !fullMatch(route, route.pattern)) continue;
    const byPath = byMethod.get(route.method) ?? new Map<string, RouteMatch>();
    byMethod.set(route.method, byPath);
    if (!byPath.has(route.pattern)) byPath.set(route.pattern, { kind: 'found', route, params: NO_PARAMS });
  }
  return byMethod;
}

function matchPattern(routes: readonly Route[], method: string, path: string): RouteMatch | undefined {
  for (const route of routes) {
    if (route.method !== method) continue;
    const match = fullMatch(route, path);
    if (match) return withParams(route, match.groups);
  }
  return undefined;
}

/** A pattern that forgot its anchors must not answer more than it says. */
function fullMatch(route: Route, path: string): RegExpExecArray | undefined {
  const match = route.match.exec(path);
  return match !== null && match[0].length === path.length ? match : undefined;
}

function withParams(route: Route, groups: Record<string, string | undefined> | undefined): RouteMatch {
  const params: Record<string, string> = {};
  for (const param in groups) {
    const value = groups[param];
    if (value === undefined) continue;
    const decoded = value.includes('%') ? decode(value) : value;
    if (decoded === undefined) return { kind: 'undecodable', route, param, value };
    params[param] = decoded;
  }
  return { kind: 'found', route, params };
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function missing(routes: readonly Route[], path: string): RouteMatch {
  const allowed = routes.filter((route) => fullMatch(route, path)).map((route) => route.method);
  return allowed.length === 0 ? UNKNOWN : { kind: 'wrong-method', allowed: [...new Set(allowed)] };
}
