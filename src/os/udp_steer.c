#include "os/udp_steer.h"

#include "os/sockaddr.h"

#include <assert.h>
#include <linux/filter.h>
#include <sys/socket.h>

enum {
	IP4_SOURCE = 12,
	IP6_SOURCE = 8,
	IP6_HEAD = 40,
	STEPS_MAX = 32,
};

/* Odd, and its bits are spread: 2^32 divided by the golden ratio. */
static const uint32_t spread = 0x9e3779b1;

struct program {
	struct sock_filter steps[STEPS_MAX];
	uint16_t n;
};

static void step(struct program *p, uint16_t code, uint32_t k)
{
	ASSERT(p->n < STEPS_MAX);
	p->steps[p->n++] = (struct sock_filter){.code = code, .k = k};
}

/* What lies at `at` from the beginning of the IP header. */
static uint32_t head(uint32_t at)
{
	return (uint32_t)SKF_NET_OFF + at;
}

/* A = the source address and the source port, as one word. The address's words are gathered in the
 * scratch word 0. Behind extension headers of IPv6 lies no port, but what stands there is a flow's
 * own just as well. */
static void step_flow(struct program *p, uint8_t family)
{
	uint32_t source = family == 4 ? IP4_SOURCE : IP6_SOURCE, words = family == 4 ? 1 : 4;
	step(p, BPF_LD | BPF_W | BPF_ABS, head(source));
	for (uint32_t i = 1; i < words; i++) {
		step(p, BPF_MISC | BPF_TAX, 0);
		step(p, BPF_LD | BPF_W | BPF_ABS, head(source + i * 4));
		step(p, BPF_ALU | BPF_XOR | BPF_X, 0);
	}
	step(p, BPF_ALU | BPF_MUL | BPF_K, spread);
	step(p, BPF_ST, 0);
	if (family == 4) {
		step(p, BPF_LD | BPF_B | BPF_ABS, head(0));
		step(p, BPF_ALU | BPF_AND | BPF_K, 15);
		step(p, BPF_ALU | BPF_LSH | BPF_K, 2);
		step(p, BPF_MISC | BPF_TAX, 0);
		step(p, BPF_LD | BPF_H | BPF_IND, head(0));
	} else {
		step(p, BPF_LD | BPF_H | BPF_ABS, head(IP6_HEAD));
	}
	step(p, BPF_LDX | BPF_MEM, 0);
	step(p, BPF_ALU | BPF_XOR | BPF_X, 0);
}

enum err udp_steer(int fd, uint8_t family, uint8_t octet, uint32_t n)
{
	struct program p = {0};
	ASSERT((family == 4 || family == 6) && n > 0);
	/* The program sees what lies behind the UDP header. */
	step(&p, BPF_LD | BPF_W | BPF_LEN, 0);
	p.steps[p.n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
	step(&p, BPF_LD | BPF_B | BPF_ABS, 0);
	p.steps[p.n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, octet, 1, 0);
	step(&p, BPF_RET | BPF_K, n);
	step_flow(&p, family);
	step(&p, BPF_ALU | BPF_MUL | BPF_K, spread);
	step(&p, BPF_ALU | BPF_RSH | BPF_K, 16);
	step(&p, BPF_ALU | BPF_MOD | BPF_K, n);
	step(&p, BPF_RET | BPF_A, 0);
	const struct sock_fprog whole = {.len = p.n, .filter = p.steps};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &whole, sizeof(whole)) < 0
		       ? err_errno()
		       : OK;
}

enum err udp_shrink(int fd, uint32_t bytes)
{
	ASSERT(bytes <= INT32_MAX / 2);
	return socket_option(fd, SOL_SOCKET, SO_RCVBUF, (int)bytes);
}
