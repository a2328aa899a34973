// Goal: one journey at a time, the latest target wins, nothing is left over. Method: journeys whose ends the test holds.
import { expect, test } from 'vitest';
import { Scrub } from './scrub.ts';

function rig() {
  const begun: number[] = [];
  const targets: number[] = [];
  let end: (sentence: string) => void = () => undefined;
  const scrub = new Scrub(
    (timeNs) => {
      begun.push(timeNs);
      return new Promise((resolve) => {
        end = resolve;
      });
    },
    (timeNs) => targets.push(timeNs),
  );
  const arrive = async (sentence = '') => {
    end(sentence);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { scrub, begun, targets, arrive };
}

test('targets between two journeys are skipped; all who asked hear of the last one', async () => {
  const { scrub, begun, targets, arrive } = rig();
  const asked = [90, 80, 70, 60].map((timeNs) => scrub.travelTo(timeNs));
  expect(begun).toEqual([90]);
  await arrive();
  expect(begun).toEqual([90, 60]);
  expect(scrub.isUnderWay()).toBe(true);
  await arrive('There is no run.');
  expect(await Promise.all(asked)).toEqual(asked.map(() => 'There is no run.'));
  expect(scrub.isUnderWay()).toBe(false);
  expect(targets).toEqual([90, 80, 70, 60, -1]);
  const later = scrub.travelTo(10);
  await arrive();
  expect(await later).toBe('');
  expect(begun).toEqual([90, 60, 10]);
});

test('the same target twice is one journey, and a journey that throws leaves the way free', async () => {
  const { scrub, begun, arrive } = rig();
  void scrub.travelTo(5);
  const again = scrub.travelTo(5);
  await arrive();
  await again;
  expect(begun).toEqual([5]);
  const broken = new Scrub(() => Promise.reject(new Error('gone')), () => undefined);
  await expect(broken.travelTo(1)).rejects.toThrow('gone');
  expect(broken.isUnderWay()).toBe(false);
});
