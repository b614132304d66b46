/*
 * wake.pml - a model of how Ms sleep and are woken (sched/findrunnable.c, sched/idle.c), for spin.
 *
 * Goal:    no wake-up is lost, whatever the interleaving and however late a core's stores are seen by others; the
 *          deadlock report comes if every goroutine waits for ever, and only then.
 * Model:   NM cores, each with its P, and NG goroutines. One that runs readies another, parks, or keeps its core
 *          for ever; with TIMER a timer of the last P readies one, too, once. Queues are numbers: which G is in one
 *          does not matter for waking. Every look at what others may change is a step of its own; what is done
 *          under sched.lock is one. With PLACED a policy puts Gs into any P's queue, names that P to be
 *          woken (p_wake()), and nothing is stolen.
 * Memory:  a core's stores pass a buffer, first in, first out, which empties when it likes; a fence waits until it is
 *          empty. That is all that release stores promise on both architectures, unlock() among them. A
 *          compare-exchange acts at once, behind the stores before it. nmspinning--, whose result nobody needs,
 *          may be seen late, as on arm64. With AT_ONCE there are no buffers: if every store that matters has its
 *          fence, which 2 cores with buffers show, that is the same, and small enough for 3 cores.
 * Claims:  when nothing moves any more, no queue has a G while an M sleeps, though the others keep their cores for
 *          ever; and if no M has a G, that was reported. When it is reported every G waits.
 * Broken:  with one of the NO_... a step is left out, and spin has to find where that ends. A step that could be
 *          left out would be one too many (tests/check/model).
 *
 *      NO_SUBMIT_FENCE   wakep(): between queueing and asking whether anybody is idle or spins
 *      NO_PARK_FENCE     count_spinning_off(): between nmspinning-- and looking again
 *      NO_IDLE_FENCE     rest(): the same for an M that did not spin, between its P's getting idle and looking again
 *      NO_RECHECK        rest(): who spun does not look again
 *      NO_IDLE_RECHECK   rest(): who did not spin does not look again (nor in Go, which has needspinning for it)
 *      NO_FOUND_WAKE     found(): who found a G and stops spinning wakes nobody
 *      NO_EARLY_CLEAR    p_rest(): m->spinning is cleared after sched.lock is released
 *      NO_POLL_FENCE     poll(): between polling = false and the last look at wakeup
 *      NO_WAKE_FENCE     m_wake(): between wakeup = true and asking whether the M polls
 *      NO_MASK           m_sleep(): interrupts are masked after the last look at wakeup
 *      NO_DEAD_LOOK      checkdead(): counts idle Ps, and does not look into their queues
 *      NO_DEAD_TIMERS    checkdead(): ... and does not ask for their timers
 */
#ifndef NM
#define NM 2
#endif
#ifndef NG
#define NG 2
#endif

byte queue[NM];  // Gs in each P's queue
byte waiting;    // parked Gs
byte locked;     // sched.lock: 0, or 1 + the M that has it
bool idle[NM];   // sched.lock
byte npidle_now; // sched.lock; npidle, for who has it
byte npidle;     // for the others
byte nmspinning;
bool spinning[NM]; // its M's, or of who wakes that
bool wakeup[NM];
bool polling[NM];
bool ipi[NM];   // pending
bool keeps[NM]; // its core, for ever
bool timer[NM]; // a P's, which will ready a G
bool reported;  // deadlock

/* ---- memory ---- */

mtype = { QPUT, STOP_SPIN, UNLOCK, WAKEUP, POLLING };

inline apply(m, what, arg)
{
    if
    :: what == QPUT -> queue[arg]++
    :: what == STOP_SPIN -> nmspinning--
    :: what == UNLOCK -> npidle = arg; locked = 0
    :: what == WAKEUP -> wakeup[arg] = true
    :: what == POLLING -> polling[m] = arg
    fi
}

#ifdef AT_ONCE
#define store(what, arg) apply(me, what, arg)
#define all_stored       true
#else
chan buffer[NM] = [4] of { mtype, byte }; // stores on their way: what, and of which M or to what

proctype memory(byte m)
{
    mtype what;
    byte arg;

end:
    do
    :: d_step { buffer[m]?what,arg -> apply(m, what, arg); what = 0; arg = 0 }
    od
}

#define store(what, arg) buffer[me]!what,arg
#define all_stored       empty(buffer[me])
#endif

#define fence()  all_stored
#define lock()   locked == 0 -> locked = 1 + me // also waits for this M's own unlock()
#define unlock() store(UNLOCK, npidle_now)

/* A core sees its own stores before others do. */
#define npidle_seen ((locked == 1 + me) -> npidle_now : npidle)

/* ---- waking ---- */

inline m_wake(mp)
{
    atomic {
        store(WAKEUP, mp);
#ifndef NO_WAKE_FENCE
        fence()
#endif
    };
    if
    :: polling[mp]
    :: atomic { !polling[mp] && all_stored -> ipi[mp] = true } // irqchip_send() is a barrier
    fi
}

/* Something was queued for P pp. */
inline p_wake(pp)
{
    atomic {
        lock();
        taken = idle[pp];
        if
        :: taken -> idle[pp] = false; npidle_now--
        :: !taken
        fi;
        unlock()
    }
    if
    :: taken -> taken = false; m_wake(pp)
    :: !taken
    fi
}

/* Something was queued. */
inline wakep()
{
    if
    :: npidle_seen == 0
    :: npidle_seen > 0 ->
        if
        :: nmspinning > 0
        :: atomic { nmspinning == 0 && all_stored -> nmspinning = 1 }
            atomic {
                lock();
                i = 0;
                do
                :: i < NM && !idle[i] -> i++
                :: else -> break
                od;
                if
                :: i < NM -> idle[i] = false; npidle_now--; spinning[i] = true
                :: else -> store(STOP_SPIN, 0)
                fi;
                unlock()
            }
            if
            :: i < NM -> m_wake(i)
            :: i == NM
            fi
        fi
    fi
}

inline ready()
{
#ifdef PLACED
    i = 0;
    do
    :: i < NM - 1 -> i++
    :: break
    od;
    store(QPUT, i);
    p_wake(i)
#else
    atomic {
        store(QPUT, me);
#ifndef NO_SUBMIT_FENCE
        fence()
#endif
    }
    wakep()
#endif
}

inline start_spinning()
{
    atomic { all_stored -> spinning[me] = true; nmspinning++ }
}

inline count_spinning_off()
{
    atomic {
        store(STOP_SPIN, 0);
#ifndef NO_PARK_FENCE
        fence()
#endif
    }
}

/* To the first queue in which a G is seen; none: i becomes NM. The G is taken, or only seen. */
inline look_into_all(take)
{
#ifdef PLACED
    i = (queue[me] == 0 || take -> NM : me)
#else
    i = 0;
    do
    :: atomic { i < NM && queue[i] == 0 -> i++ }
    :: atomic { i < NM && queue[i] > 0 -> queue[i] = queue[i] - take; break }
    :: i == NM -> break
    od
#endif
}

/* i: whether the P is this M's again. */
inline p_take_back()
{
    atomic {
        lock();
        i = idle[me];
        if
        :: idle[me] -> idle[me] = false; npidle_now--
        :: else
        fi;
        unlock()
    }
}

/* What checkdead() sees of a P: something to come. */
#if defined(NO_DEAD_LOOK)
#define dead_looks(p) timer[p]
#elif defined(NO_DEAD_TIMERS)
#define dead_looks(p) (queue[p] > 0)
#else
#define dead_looks(p) (queue[p] > 0 || timer[p])
#endif

/* ---- a core ---- */

proctype M(byte me)
{
    byte i;
    bool spun, taken;

findrunnable:
    if
    :: atomic { queue[me] > 0 && all_stored -> queue[me]--; goto found }
    :: atomic { queue[me] == 0 && all_stored }
    fi;
    if
    :: spinning[me]
    :: atomic { !spinning[me] && all_stored -> spinning[me] = true; nmspinning++ }
    :: !spinning[me] && nmspinning > 0 -> goto p_rest // may_spin() said no: nothing depends on when it does
    fi;
    look_into_all(1);
    if
    :: i < NM -> goto found
    :: i == NM
    fi;

p_rest:
    atomic {
        lock();
        spun = spinning[me];
#ifndef NO_EARLY_CLEAR
        spinning[me] = false;
#endif
        idle[me] = true;
        npidle_now++;
        unlock()
    };

    /* rest() */
    if
    :: spun ->
#ifdef NO_EARLY_CLEAR
        spinning[me] = false;
#endif
        count_spinning_off();
#ifdef NO_RECHECK
        goto checkdead
#endif
    :: !spun ->
#ifdef NO_IDLE_RECHECK
        goto checkdead
#endif
#ifndef NO_IDLE_FENCE
        fence()
#endif
    fi;
    look_into_all(0);
    if
    :: i == NM
    :: i < NM ->
        p_take_back();
        if
        :: i -> start_spinning(); goto findrunnable
        :: !i
        fi
    fi;

checkdead:
    if
    :: npidle_seen < NM
    :: npidle_seen == NM ->
        atomic {
            lock();
            i = 0;
            do
            :: i < NM && !dead_looks(i) -> i++
            :: else -> break
            od;
            if
            :: i == NM && npidle_now == NM -> assert(waiting == NG); reported = true
            :: else
            fi;
            unlock();
            if
            :: reported -> goto end_fatal
            :: else
            fi
        }
    fi;

sleep:
    /* m_sleep(): polls. Only this M takes its wakeup away: it is set once each time that the P was idle. */
    if
    :: store(POLLING, true)
    :: true // it is seen as late as what comes next
    fi;
    if
    :: atomic { wakeup[me] -> wakeup[me] = false; store(POLLING, false); fence(); goto findrunnable }
    :: true
    fi;
    atomic {
        store(POLLING, false);
#ifndef NO_POLL_FENCE
        fence()
#endif
    };

    /* ... and halts. An interrupt that was taken before they were masked ends no halt. */
#ifndef NO_MASK
    if
    :: ipi[me] = false
    :: true
    fi;
#endif
    do
    :: atomic { wakeup[me] -> wakeup[me] = false; goto findrunnable }
    :: !wakeup[me] ->
#ifdef NO_MASK
        if
        :: ipi[me] = false
        :: true
        fi;
#endif
end_halt:
        if
        :: atomic { ipi[me] -> ipi[me] = false }
        :: timer[me] -> break
        fi
    od;
    p_take_back();
    if
    :: !i -> goto sleep // somebody takes it, and is about to wake this M
    :: i -> i = 0; timer[me] = false
    fi;
    if
    :: atomic { waiting > 0 -> waiting-- }
        ready()
    :: waiting == 0
    fi;
    goto findrunnable;

found:
    if
    :: !spinning[me]
    :: spinning[me] ->
        spinning[me] = false;
        count_spinning_off();
#ifndef NO_FOUND_WAKE
        fence();
        wakep()
#endif
    fi;

    /* A goroutine. */
    do
    :: atomic { waiting > 0 -> waiting--; i = 0 }
        ready()
    :: atomic { waiting++; i = 0; spun = false; goto findrunnable }
    :: atomic { keeps[me] = true; i = 0; spun = false; break }
    od;
end_keeps:
    false;
end_fatal:
    false
}

init
{
    byte k, stuck, nkeep;

    atomic {
        queue[0] = 1;
        waiting = NG - 1;
#ifdef TIMER
        timer[NM - 1] = true;
#endif
        do
        :: k < NM ->
#ifndef AT_ONCE
            run memory(k);
#endif
            run M(k);
            k++
        :: else -> break
        od
    }
    timeout; // nothing moves any more
    d_step {
        k = 0;
        do
        :: k < NM ->
#ifdef PLACED
            stuck = stuck + (keeps[k] -> 0 : queue[k]);
#else
            stuck = stuck + queue[k];
#endif
            nkeep = nkeep + keeps[k];
            k++
        :: else -> break
        od
    }
    assert(stuck == 0 || nkeep == NM);
    assert(reported == (nkeep == 0))
}
