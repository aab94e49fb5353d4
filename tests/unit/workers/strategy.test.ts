/**
 * Goal: what a strategy expression means, and what is told of one that means nothing.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NODE, parseStrategy, type StrategyNode } from "../../../workers/strategy.js";

const strategy = suite("strategy");
const CARRIERS = ["alpha", "beta", "gamma-2", "cost"];

/** The tree as text, carriers by number. */
function treeOf(node: StrategyNode): string {
  const [name] = Object.entries(NODE).find(([, kind]) => kind === node.kind)!;
  const parts = node.children.map((child, index) => {
    const weight = node.weights[index];
    return weight === undefined ? treeOf(child) : `${treeOf(child)}:${weight}`;
  });
  return `${name}(${[...node.carriers, ...parts].join(" ")})`;
}

const read: readonly (readonly [string, string])[] = [
  ["cost(*)", "cost(0 1 2 3)"],
  ["cost(gamma-2,alpha)", "cost(2 0)"],
  [" quality ( beta ) ", "quality(1)"],
  ["priority(beta, alpha)", "priority(1 0)"],
  ["priority(*)", "priority(0 1 2 3)"],
  ["priority(beta, *)", "priority(1 0 2 3)"],
  ["priority(*, alpha)", "priority(1 2 3 0)"],
  ["priority(cost(alpha, beta), *)", "chain(cost(0 1) priority(2) priority(3))"],
  ["weight(alpha:70, beta:30)", "weight(priority(0):70 priority(1):30)"],
  ["weight(cost(alpha, beta):1, cost:2)", "weight(cost(0 1):1 priority(3):2)"],
  ["weight(alpha:1) else cost(*)", "chain(weight(priority(0):1) cost(0 1 2 3))"],
  ["priority(quality(alpha, beta), gamma-2)", "chain(quality(0 1) priority(2))"],
  [
    "weight((priority(alpha) else cost(*)):9, beta:1)",
    "weight(chain(priority(0) cost(0 1 2 3)):9 priority(1):1)",
  ],
  ["block", "block()"],
  ["priority(alpha) else block", "chain(priority(0) block())"],
  ["cost(alpha) else cost(beta) else block", "chain(chain(cost(0) cost(1)) block())"],
];
for (const [text, tree] of read) {
  strategy(`reads ${text}`, () => {
    const parsed = parseStrategy(text, CARRIERS);
    assert.ok("node" in parsed, JSON.stringify(parsed));
    assert.is(treeOf(parsed.node), tree);
  });
}

const refused: readonly (readonly [string, string, number])[] = [
  ["", "cost, quality, priority, weight or block is missing", 0],
  ["alpha", "cost, quality, priority, weight or block is missing", 0],
  ["cost()", "is no carrier", 5],
  ["cost(delta)", "is no carrier", 5],
  ["cost(alpha", '")" is missing', 10],
  ["cost(alpha beta)", '")" is missing', 11],
  ["cost(alpha, alpha)", "a carrier is named twice", 18],
  ["cost(alpha,", "a carrier is missing", 11],
  ["best(alpha)", "is no strategy", 0],
  ["weight(alpha)", '":" is missing', 12],
  ["weight(alpha:x)", "a weight is a whole number from 0 to 1000000", 13],
  ["weight(alpha:1.5)", "a weight is a whole number from 0 to 1000000", 13],
  ["weight(alpha:1000001)", "a weight is a whole number from 0 to 1000000", 13],
  ["weight(alpha:70, alpha:30)", "a carrier is named twice", 26],
  ["priority(*, *)", "* is there twice", 12],
  ["weight(alpha:1, *:1)", "is no carrier", 16],
  ["weight(alpha:0, beta:0)", "all weights are 0", 23],
  ["cost(*) else", "cost, quality, priority, weight or block is missing", 12],
  ["block else cost(*)", "block stands alone or at the end, after else", 0],
  ["cost(alpha) else block else cost(*)", "is not expected here", 23],
  ["(cost(alpha) else block)", "block stands alone or at the end, after else", 18],
  ["cost(*) cost(*)", "is not expected here", 8],
  [`${"(".repeat(10)}cost(*)${")".repeat(10)}`, "is nested too deep", 9],
];
for (const [text, problem, at] of refused) {
  strategy(`refuses "${text}": ${problem}`, () => {
    assert.equal(parseStrategy(text, CARRIERS), { problem, at });
  });
}

strategy("that tables were compiled with before are read, a carrier weighed twice too", () => {
  const text = "weight(alpha:70, beta:10, alpha:30)";
  assert.ok("problem" in parseStrategy(text, ["alpha", "beta"]));
  const kept = parseStrategy(text, ["alpha", "beta"], true);
  assert.ok("node" in kept);
  assert.equal([...kept.node.weights], [70, 10, 30]);
  assert.ok("problem" in parseStrategy("weight(gamma:1)", ["alpha", "beta"], true));
});

strategy.run();
