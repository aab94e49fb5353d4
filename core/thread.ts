/**
 * Thread: one worker thread that is asked questions, for work that would hold up an event loop and
 * is too rare for a pool.
 *
 * In: questions, plain data. Out: answers, in the order of the questions. A thread that dies fails
 * what it was asked, and the next question starts a new one. In the thread `answerQuestions` is the
 * other end; what the answering function throws comes back as an error with its text alone.
 */
import assert from "node:assert";
import { parentPort, Worker } from "node:worker_threads";
import { FloeError } from "./errors.js";

export interface Thread<Question, Answer> {
  /** @throws FloeError "actor.full" if `questionsMax` wait; Error with the text of what was thrown. */
  ask(question: Question): Promise<Answer>;
  /** Questions without an answer yet. */
  waiting(): number;
  close(): Promise<void>;
}

interface Pending<Answer> {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}
type Posted<Answer> = { readonly answer: Answer } | { readonly problem: string };

/** Started by the first question. */
export function openThread<Question, Answer>(
  file: URL,
  questionsMax: number,
): Thread<Question, Answer> {
  let worker: Worker | undefined;
  let pending: Pending<Answer>[] = [];

  function start(): Worker {
    const started = new Worker(file);
    started.on("message", (posted: Posted<Answer>) => {
      const asked = pending.shift();
      assert(asked !== undefined, "a thread answers what it was asked");
      // A thread with nothing to do keeps no process that has ended its work.
      if (pending.length === 0) started.unref();
      if ("answer" in posted) asked.resolve(posted.answer);
      else asked.reject(new Error(posted.problem));
    });
    let cause: unknown;
    started.once("error", (error) => {
      cause = error;
    });
    started.once("exit", () => {
      if (worker !== started) return;
      worker = undefined;
      const failed = pending;
      pending = [];
      for (const { reject } of failed) reject(new Error("the thread ended", { cause }));
    });
    return started;
  }

  return {
    ask(question) {
      if (pending.length >= questionsMax) {
        return Promise.reject(new FloeError("actor.full", { waiting: pending.length }));
      }
      worker ??= start();
      const posted = worker;
      return new Promise((resolve, reject) => {
        pending.push({ resolve, reject });
        posted.ref();
        posted.postMessage(question);
      });
    },
    waiting: () => pending.length,
    async close() {
      await worker?.terminate();
    },
  };
}

/** In the thread: answers each question by `answer`, one after another. */
export function answerQuestions<Question, Answer>(answer: (question: Question) => Answer): void {
  const port = parentPort;
  assert(port !== null, "runs in a thread");
  port.on("message", (question: Question) => {
    let posted: Posted<Answer>;
    try {
      posted = { answer: answer(question) };
    } catch (error) {
      posted = { problem: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(posted);
  });
}
