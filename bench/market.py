"""The market behind the simulated streams: orders come and go by chance, the book stays valid.

A compiled generator that keeps the whole book, so that every event is one that a venue could send:
deletes and partial cancels name live orders, executions take the head of the best queue, an order
never crosses. It also writes the truth beside each event: the level's new size (the L2 stream) and
the four best-quote numbers, by an array of levels that shares no code with what is measured.

- Most orders are placed within a few ticks of the opposite best and die young: deletes choose among
  the last 512 placed, as they do on real feeds. `deep` of the adds, and the orders the stream
  begins with, lie evenly over `span` ticks and live long; one delete in seven chooses among all
  (1 - `young` of them).
- Kinds: 47 % add, 42 % delete, 4 % partial cancel, 7 % execute, of which 5 in 7 take a whole order.
- Ids are 64-bit and look random; times are 0.5 ms apart on average, exponentially.
- A fair price walks by a tick, once in 30 events. New orders are placed on their side of it, and
  orders on the wrong side of it are pulled or hit first: so the touch follows, levels empty at the
  best and are placed anew.
"""

import numba as nb
import numpy as np

ADD, CANCEL, DELETE, EXECUTE = 1, 2, 3, 5
BID, ASK = 1, 2
RECENT = 512
MID = 1 << 20  # ticks; the grid lies around it

# Where the scalars of the state stand.
RANDOM, SERIAL, LIVE, TS, BEST_BID, BEST_ASK, BIDS, ASKS, FREE, FAIR = range(10)


@nb.njit(cache=True, inline="always")
def _mix(x):
    x = np.uint64(x)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@nb.njit(cache=True, inline="always")
def _uniform(state):
    """[0, 1), splitmix64."""
    state[RANDOM] += np.uint64(0x9E3779B97F4A7C15)
    return np.float64(_mix(state[RANDOM]) >> np.uint64(11)) * 2.0**-53


@nb.njit(cache=True)
def generate(state, levels, orders, live, recent, target, span, deep, young, seeding, out):
    """Writes one event a row of `out`; `seeding` makes them all adds, evenly over the span.

    levels: int64 (2, grid, 4) of size, count, head, tail; orders: int64 (capacity, 8) of side,
    tick, size, after, before, place in `live`, serial, next free.
    """
    action, side_of, price, size, order_id, ts, level_size, bp, bs, ap, asz = out
    grid = levels.shape[1]
    base = MID - grid // 2
    for i in range(len(action)):
        u = _uniform(state)
        n = np.int64(state[LIVE])
        kind = ADD
        if not seeding:
            if u >= 0.47:
                kind = DELETE if u < 0.89 else (CANCEL if u < 0.93 else EXECUTE)
            # The number of live orders is held.
            if kind == DELETE and n < target * 0.98:
                kind = ADD
            elif kind == ADD and n > target * 1.02:
                kind = DELETE
        if not seeding and _uniform(state) < 1.0 / 30.0:
            walked = np.int64(state[FAIR]) + (1 if _uniform(state) < 0.5 else -1)
            state[FAIR] = np.uint64(min(max(walked, 64), grid - 64))
        fair = np.int64(state[FAIR])
        slot = np.int64(-1)
        s = np.int64(_uniform(state) < 0.5)
        wrong = np.int64(-1)
        if np.int64(state[BEST_BID]) >= fair:
            wrong = 0
        elif np.int64(state[BEST_ASK]) <= fair:
            wrong = 1
        if wrong >= 0 and kind in (EXECUTE, DELETE):
            s = wrong
            tick = np.int64(state[BEST_BID + s])
            slot = levels[s, tick, 2 if kind == EXECUTE else 3]
        elif kind == EXECUTE:
            tick = np.int64(state[BEST_BID + s])
            slot = levels[s, tick, 2]
        elif kind != ADD:
            if _uniform(state) < young:
                for _ in range(4):
                    r = np.int64(_uniform(state) * RECENT)
                    if recent[r, 0] >= 0 and orders[recent[r, 0], 6] == recent[r, 1]:
                        slot = recent[r, 0]
                        break
            if slot < 0:
                slot = live[np.int64(_uniform(state) * n)]
            s = orders[slot, 0]
            if kind == CANCEL and orders[slot, 2] == 1:
                kind = DELETE
        if kind != ADD and state[BIDS + s] <= np.uint64(2):
            kind = ADD  # a side is never left empty
        dt = -np.log(1.0 - _uniform(state)) * 500_000.0
        state[TS] += np.uint64(dt)

        if kind == ADD:
            if seeding or _uniform(state) < deep:
                d = np.int64(_uniform(state) * span)
            else:
                d = np.int64(-np.log(1.0 - _uniform(state)) * 4.0)
            if seeding:
                tick = grid // 2 - 1 - d if s == 0 else grid // 2 + d
            elif s == 0:
                tick = max(min(np.int64(state[BEST_ASK]), fair) - 1 - d, 1)
            else:
                tick = min(max(np.int64(state[BEST_BID]), fair) + 1 + d, grid - 2)
            amount = np.int64(_uniform(state) * 10.0) + 1
            amount *= 100 if _uniform(state) < 0.6 else 1
            slot = np.int64(state[FREE])
            state[FREE] = np.uint64(orders[slot, 7])
            state[SERIAL] += np.uint64(1)
            serial = np.int64(state[SERIAL])
            tail = levels[s, tick, 3]
            orders[slot, 0] = s
            orders[slot, 1] = tick
            orders[slot, 2] = amount
            orders[slot, 3] = -1
            orders[slot, 4] = tail
            orders[slot, 5] = n
            orders[slot, 6] = serial
            live[n] = slot
            if not seeding:
                recent[serial % RECENT, 0] = slot
                recent[serial % RECENT, 1] = serial
            if tail < 0:
                levels[s, tick, 2] = slot
            else:
                orders[tail, 3] = slot
            levels[s, tick, 3] = slot
            levels[s, tick, 0] += amount
            levels[s, tick, 1] += 1
            state[LIVE] += np.uint64(1)
            state[BIDS + s] += np.uint64(1)
            if s == 0:
                state[BEST_BID] = max(state[BEST_BID], np.uint64(tick))
            else:
                state[BEST_ASK] = min(state[BEST_ASK], np.uint64(tick))
        else:
            tick = orders[slot, 1]
            whole = orders[slot, 2]
            amount = whole
            if kind == CANCEL or (kind == EXECUTE and _uniform(state) < 2.0 / 7.0):
                amount = max(np.int64(_uniform(state) * whole), 1)
            levels[s, tick, 0] -= amount
            orders[slot, 2] -= amount
        serial = orders[slot, 6]

        action[i] = kind
        side_of[i] = s + 1
        price[i] = base + tick
        size[i] = amount
        # Half of 64 bits: what readers with signed ids can take too.
        order_id[i] = _mix(np.uint64(serial) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(1)
        ts[i] = np.int64(state[TS])
        level_size[i] = levels[s, tick, 0]

        if orders[slot, 2] == 0:
            before, after = orders[slot, 4], orders[slot, 3]
            if before < 0:
                levels[s, tick, 2] = after
            else:
                orders[before, 3] = after
            if after < 0:
                levels[s, tick, 3] = before
            else:
                orders[after, 4] = before
            levels[s, tick, 1] -= 1
            last = live[n - 1]
            live[orders[slot, 5]] = last
            orders[last, 5] = orders[slot, 5]
            orders[slot, 6] = -1
            orders[slot, 7] = np.int64(state[FREE])
            state[FREE] = np.uint64(slot)
            state[LIVE] -= np.uint64(1)
            state[BIDS + s] -= np.uint64(1)
            if levels[s, tick, 1] == 0 and np.int64(state[BEST_BID + s]) == tick:
                step = -1 if s == 0 else 1
                while levels[s, tick, 1] == 0:
                    tick += step
                state[BEST_BID + s] = np.uint64(tick)
        # While the book is being filled, a side may be missing still.
        bids, asks = state[BIDS] > np.uint64(0), state[ASKS] > np.uint64(0)
        bid, ask = np.int64(state[BEST_BID]), np.int64(state[BEST_ASK])
        bp[i] = base + bid if bids else np.iinfo(np.int64).min
        bs[i] = levels[0, bid, 0] if bids else 0
        ap[i] = base + ask if asks else np.iinfo(np.int64).min
        asz[i] = levels[1, ask, 0] if asks else 0
