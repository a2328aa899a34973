/** Test-only: a hypervisor of a few lines that gives a guest an interrupt file and both stages of translation, and starts it. */

/**
 * Guest file 2 (VGEIN): delivery on, threshold 60, identities 5 and 70 enabled, messages 5 and 9 sent to it. Then VS mode
 * through Sv39 (a 1 GiB page, then the G stage's own 1 GiB page), where it spins. For profile rv64gch-sstc-aia and
 * interrupt files (`aplic-imsic`), 4 MiB of RAM and more.
 */
export const TWO_STAGE_SOURCE = `
    li   t0, 2 << 12
    csrw hstatus, t0
    li   t0, 0x70
    csrw vsiselect, t0
    li   t0, 1
    csrw vsireg, t0
    li   t0, 0x72
    csrw vsiselect, t0
    li   t0, 60
    csrw vsireg, t0
    li   t0, 0xc0
    csrw vsiselect, t0
    li   t0, 32
    csrw vsireg, t0
    li   t0, 0xc2
    csrw vsiselect, t0
    li   t0, 64
    csrw vsireg, t0
    li   t0, 0x28002000          # guest file 2 of hart 0
    li   t1, 9
    sw   t1, 0(t0)
    li   t1, 5
    sw   t1, 0(t0)
    li   t0, -1                  # all of memory for all
    csrw pmpaddr0, t0
    li   t0, 0x1f
    csrw pmpcfg0, t0
    li   t0, 0x80200000          # the guest's root: entry 2, 1 GiB, not accessed yet
    li   t1, (0x80000 << 10) | 0x0f
    sd   t1, 16(t0)
    li   t0, 0x80204000          # the G stage's root: entry 2, 1 GiB
    li   t1, (0x80000 << 10) | 0xdf
    sd   t1, 16(t0)
    li   t0, (8 << 60) | 0x80200
    csrw vsatp, t0
    li   t0, (8 << 60) | 0x80204
    csrw hgatp, t0
    li   t0, (1 << 61)           # A and D by the hart (henvcfg.ADUE, menvcfg.ADUE)
    csrw menvcfg, t0
    csrw henvcfg, t0
    li   t0, 0x444
    csrw hideleg, t0
    li   t0, (1 << 39) | (1 << 11)
    csrs mstatus, t0
    li   t0, 1 << 12
    csrc mstatus, t0
    la   t0, spin
    csrw mepc, t0
    mret
spin:
    j    spin`;
