/* A program that is loaded once and asked often: preloaded into it (LD_PRELOAD), it waits before
 * main() on the socket WARM, and each ask.c that comes gets a fork of it, with that one's
 * arguments, folder and descriptors. Knows nothing of the program. Clang spends half of its time on
 * a file of ours in finding its libraries' symbols and pages. */
#include "ask.h"
#include <dlfcn.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define HUGE_PAGE  ((uintptr_t)2 << 20)
#define LARGE_TEXT (8 * HUGE_PAGE)

typedef int main_fn(int argc, char **argv, char **env);
typedef int start_fn(main_fn *program, int argc, char **argv, void (*init)(void),
		     void (*done)(void), void (*unload)(void), void *stack_end);
start_fn __libc_start_main;

static main_fn *program;
static int asker; /* who waits for this fork's status */

static void tell_status(int status, void *unused)
{
	(void)unused;
	uint8_t byte = (uint8_t)status;
	/* Who has gone by now need not know. */
	if (send(asker, &byte, sizeof byte, MSG_NOSIGNAL) < 0)
		return;
}

/* In the fork. Answers the status of a program that could not begin. */
static int run(int from, char *name)
{
	static char text[WARM_TEXT_MAX + 1];
	static char *argv[WARM_TEXT_MAX / 2];
	int fds[WARM_FDS];
	union warm_control control;
	struct iovec part = {text, WARM_TEXT_MAX};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof control};
	ssize_t n = recvmsg(from, &m, 0);
	if (n < 0 || m.msg_controllen != sizeof control)
		return 1;
	memcpy(fds, CMSG_DATA(&control.header), sizeof fds);
	int argc = 0;
	argv[argc++] = name;
	for (char *word = text; word < text + n && argc < WARM_TEXT_MAX / 2 - 1;
	     word += strlen(word) + 1)
		argv[argc++] = word;
	for (int i = 0; i <= STDERR_FILENO; i++)
		dup2(fds[i], i);
	if (fchdir(fds[WARM_FOLDER]) != 0)
		return 1;
	for (int i = 0; i < WARM_FDS; i++)
		close(fds[i]);
	asker = from;
	on_exit(tell_status, NULL);
	return program(argc, argv, environ);
}

/* A fork shares tables of pages that were copied, not those of a file: it would meet each page of
 * the program's text anew. In large pages there are few. */
static void copy_text(uintptr_t start, uintptr_t end)
{
	start = (start + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	size_t n = (end & ~(HUGE_PAGE - 1)) - start;
	char *at = mmap(NULL, n + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	if (at == MAP_FAILED)
		return;
	at += -(uintptr_t)at & (HUGE_PAGE - 1);
	/* Without large pages it is the same, and slower. */
	(void)madvise(at, n, MADV_HUGEPAGE);
	memcpy(at, (const void *)start, n);
	if (mprotect(at, n, PROT_READ | PROT_EXEC) != 0 ||
	    mremap(at, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start) == MAP_FAILED)
		abort();
}

static void copy_large_texts(void)
{
	static char maps[1 << 17];
	FILE *file = fopen("/proc/self/maps", "re");
	if (!file)
		return;
	size_t n = fread(maps, 1, sizeof maps - 1, file);
	fclose(file);
	maps[n] = '\0';
	char *rest = maps;
	for (char *line; (line = strsep(&rest, "\n"));) {
		uintptr_t start, end;
		char may[5];
		/* The C library and we, who run now, are smaller. */
		if (sscanf(line, "%lx-%lx %4s", &start, &end, may) == 3 &&
		    strcmp(may, "r-xp") == 0 && end - start > LARGE_TEXT)
			copy_text(start, end);
	}
}

static int serve(int argc, char **argv, char **env)
{
	(void)argc;
	(void)env;
	struct sockaddr_un to;
	if (!warm_address(&to))
		return 1;
	/* Not for what the program starts itself. */
	unsetenv("LD_PRELOAD");
	unsetenv("LD_BIND_NOW");
	copy_large_texts();
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(listener, (const struct sockaddr *)&to, sizeof to) != 0 ||
	    listen(listener, SOMAXCONN) != 0) {
		perror(to.sun_path);
		return 1;
	}
	puts(to.sun_path);
	fflush(stdout);
	struct pollfd wait[] = {{.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO}};
	while (poll(wait, 2, -1) > 0 && !wait[1].revents) {
		int from = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (from >= 0 && fork() == 0) {
			close(listener);
			return run(from, argv[0]);
		}
		close(from);
	}
	return 0;
}

/* Every program's first call of the C library. */
int __libc_start_main(main_fn *its_main, int argc, char **argv, void (*init)(void),
		      void (*done)(void), void (*unload)(void), void *stack_end)
{
	program = its_main;
	start_fn *real = (start_fn *)(uintptr_t)dlsym(RTLD_NEXT, "__libc_start_main");
	return real(serve, argc, argv, init, done, unload, stack_end);
}
