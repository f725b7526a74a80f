#include "os/sandbox_layers.h"

#include <linux/bpf.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Anything not named here fails with ENOSYS, as on an older kernel, which libraries know how to
 * live with. The calls of the packet path stand without conditions on arguments: the kernel then
 * answers them from a bitmap and runs no filter (5.11 and later). */
static const int always[] = {
	/* descriptors */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(close),
	SCMP_SYS(close_range), SCMP_SYS(lseek), SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(dup2),
	SCMP_SYS(dup3), SCMP_SYS(pipe2), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate), SCMP_SYS(fadvise64), SCMP_SYS(flock), SCMP_SYS(sendfile),
	SCMP_SYS(splice),
	/* names: Landlock and the mount view say which */
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(stat), SCMP_SYS(lstat),
	SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(chmod), SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat), SCMP_SYS(umask),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(msync),
	SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(membarrier),
	/* waiting */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(pselect6), SCMP_SYS(eventfd2), SCMP_SYS(signalfd4), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(restart_syscall),
	/* time, entropy, self */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(times), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getgroups), SCMP_SYS(capget),
	SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage), SCMP_SYS(getrlimit),
	SCMP_SYS(getcpu),
	/* threads, signals, the end */
	SCMP_SYS(futex), SCMP_SYS(futex_waitv), SCMP_SYS(set_robust_list),
	SCMP_SYS(get_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(exit),
	SCMP_SYS(exit_group)};

static const int of_sockets[] = {
	SCMP_SYS(bind),	      SCMP_SYS(listen),	     SCMP_SYS(accept),	    SCMP_SYS(accept4),
	SCMP_SYS(connect),    SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt), SCMP_SYS(sendto),	     SCMP_SYS(recvfrom),    SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),    SCMP_SYS(sendmmsg),    SCMP_SYS(recvmmsg),    SCMP_SYS(shutdown)};

/* No service does these by mistake: whoever tries has taken the process over. */
static const int deadly[] = {SCMP_SYS(execve),
			     SCMP_SYS(execveat),
			     SCMP_SYS(ptrace),
			     SCMP_SYS(process_vm_readv),
			     SCMP_SYS(process_vm_writev),
			     SCMP_SYS(pidfd_getfd),
			     SCMP_SYS(mount),
			     SCMP_SYS(umount2),
			     SCMP_SYS(pivot_root),
			     SCMP_SYS(chroot),
			     SCMP_SYS(move_mount),
			     SCMP_SYS(open_tree),
			     SCMP_SYS(fsopen),
			     SCMP_SYS(fsmount),
			     SCMP_SYS(mount_setattr),
			     SCMP_SYS(unshare),
			     SCMP_SYS(setns),
			     SCMP_SYS(init_module),
			     SCMP_SYS(finit_module),
			     SCMP_SYS(delete_module),
			     SCMP_SYS(kexec_load),
			     SCMP_SYS(kexec_file_load),
			     SCMP_SYS(bpf),
			     SCMP_SYS(perf_event_open),
			     SCMP_SYS(userfaultfd),
			     SCMP_SYS(reboot),
			     SCMP_SYS(swapon),
			     SCMP_SYS(swapoff),
			     SCMP_SYS(keyctl),
			     SCMP_SYS(add_key),
			     SCMP_SYS(request_key),
			     SCMP_SYS(open_by_handle_at),
			     SCMP_SYS(iopl),
			     SCMP_SYS(ioperm),
			     SCMP_SYS(modify_ldt),
			     SCMP_SYS(settimeofday),
			     SCMP_SYS(clock_settime),
			     SCMP_SYS(acct),
			     SCMP_SYS(syslog)};

/* LeakSanitizer stops the other threads by a traced clone of the process when it ends. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif
static const int of_sanitizers[] = {SCMP_SYS(ptrace), SCMP_SYS(clone), SCMP_SYS(prctl)};

static enum err rule(scmp_filter_ctx filter, uint32_t action, int call)
{
	int result = seccomp_rule_add(filter, action, call, 0);
	return result < 0 ? (enum err) - result : OK;
}

/* Allowed when (argument & mask) == value. */
static enum err allow_when(scmp_filter_ctx filter, int call, unsigned argument, uint64_t mask,
			   uint64_t value)
{
	struct scmp_arg_cmp cmp = {
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
	int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &cmp);
	return result < 0 ? (enum err) - result : OK;
}

static enum err allow_table(scmp_filter_ctx filter, const int *calls, size_t calls_len)
{
	for (size_t i = 0; i < calls_len; i++)
		TRY(rule(filter, SCMP_ACT_ALLOW, calls[i]));
	return OK;
}
#define ALLOW_TABLE(filter, table)                                                                 \
	allow_table((filter), (table), sizeof(table) / sizeof((table)[0]))

/* The 32 low bits: the kernel ignores the others of an int. */
static const uint64_t whole_int = 0xffffffff;

static enum err allow_memory_and_threads(scmp_filter_ctx filter)
{
	/* No memory is ever both writable and executable, nor becomes executable; libraries that
	 * are loaded late map their text executable from the file. */
	TRY(allow_when(filter, SCMP_SYS(mmap), 2, PROT_EXEC, 0));
	TRY(allow_when(filter, SCMP_SYS(mmap), 2, PROT_WRITE | PROT_EXEC, PROT_EXEC));
	TRY(allow_when(filter, SCMP_SYS(mprotect), 2, PROT_EXEC, 0));
	/* Threads, not processes. clone3 hides its flags from filters: ENOSYS, and glibc uses
	 * clone. */
	TRY(allow_when(filter, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD));
	/* Limits and signals of this process only. */
	TRY(allow_when(filter, SCMP_SYS(prlimit64), 0, whole_int, 0));
	TRY(allow_when(filter, SCMP_SYS(tgkill), 0, whole_int, (uint64_t)getpid()));
	return allow_when(filter, SCMP_SYS(kill), 0, whole_int, (uint64_t)getpid());
}

static enum err allow_controls(scmp_filter_ctx filter)
{
	static const unsigned long ioctls[] = {FIONREAD, FIONBIO, TCGETS, TIOCGWINSZ};
	static const int prctls[] = {PR_SET_NAME,	  PR_GET_NAME,	   PR_SET_PDEATHSIG,
				     PR_GET_PDEATHSIG,	  PR_GET_DUMPABLE, PR_SET_VMA,
				     PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP,  PR_CAPBSET_READ};
	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		TRY(allow_when(filter, SCMP_SYS(ioctl), 1, whole_int, ioctls[i]));
	for (size_t i = 0; i < sizeof(prctls) / sizeof(prctls[0]); i++)
		TRY(allow_when(filter, SCMP_SYS(prctl), 0, whole_int, (uint64_t)prctls[i]));
	return OK;
}

static enum err allow_sockets(scmp_filter_ctx filter, enum sandbox_profile profile)
{
	static const int domains[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET};
	if (profile == SANDBOX_PURE)
		return OK;
	size_t n = profile == SANDBOX_NET_SERVICE_LINKS ? 5 : 3;
	for (size_t i = 0; i < n; i++)
		TRY(allow_when(filter, SCMP_SYS(socket), 0, whole_int, (uint64_t)domains[i]));
	TRY(allow_when(filter, SCMP_SYS(socketpair), 0, whole_int, AF_UNIX));
	if (profile == SANDBOX_NET_SERVICE_LINKS)
		TRY(rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl)));
	return ALLOW_TABLE(filter, of_sockets);
}

/* What is loaded stays: who holds a descriptor may use it. The verifier, and what opens the things
 * of others by their numbers, stay out of reach. */
static enum err allow_bpf(scmp_filter_ctx filter, const struct sandbox *sandbox)
{
	static const int commands[] = {BPF_MAP_LOOKUP_ELEM,
				       BPF_MAP_UPDATE_ELEM,
				       BPF_MAP_DELETE_ELEM,
				       BPF_MAP_GET_NEXT_KEY,
				       BPF_MAP_LOOKUP_AND_DELETE_ELEM,
				       BPF_MAP_LOOKUP_BATCH,
				       BPF_MAP_LOOKUP_AND_DELETE_BATCH,
				       BPF_MAP_UPDATE_BATCH,
				       BPF_MAP_DELETE_BATCH,
				       BPF_OBJ_PIN,
				       BPF_OBJ_GET,
				       BPF_OBJ_GET_INFO_BY_FD,
				       BPF_PROG_TEST_RUN,
				       BPF_PROG_QUERY,
				       BPF_LINK_CREATE,
				       BPF_LINK_UPDATE,
				       BPF_LINK_DETACH};
	if (sandbox->capabilities_keep & SANDBOX_CAP_BPF)
		return rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf));
	for (size_t i = 0; sandbox->uses_bpf && i < sizeof(commands) / sizeof(commands[0]); i++)
		TRY(allow_when(filter, SCMP_SYS(bpf), 0, whole_int, (uint64_t)commands[i]));
	return OK;
}

static bool is_extra(const struct sandbox *sandbox, int call)
{
	if (call == SCMP_SYS(bpf) &&
	    (sandbox->uses_bpf || sandbox->capabilities_keep & SANDBOX_CAP_BPF))
		return true;
	for (size_t i = 0; i < sandbox->syscalls_len; i++)
		if (sandbox->syscalls[i] == call)
			return true;
	return SANITIZED && call == SCMP_SYS(ptrace);
}

static enum err fill(scmp_filter_ctx filter, const struct sandbox *sandbox)
{
	/* A balanced tree instead of a list, for what is not in the bitmap. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) < 0)
		return ERR_UNSUPPORTED;
	if (SANITIZED)
		TRY(ALLOW_TABLE(filter, of_sanitizers));
	TRY(allow_table(filter, sandbox->syscalls, sandbox->syscalls_len));
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		if (!is_extra(sandbox, deadly[i]))
			TRY(rule(filter, SCMP_ACT_KILL_PROCESS, deadly[i]));
	TRY(ALLOW_TABLE(filter, always));
	TRY(allow_memory_and_threads(filter));
	TRY(allow_controls(filter));
	TRY(allow_sockets(filter, sandbox->profile));
	TRY(allow_bpf(filter, sandbox));
	int result = seccomp_load(filter);
	if (result == -EINVAL || result == -ENOSYS || result == -EOPNOTSUPP)
		return ERR_UNSUPPORTED; /* a kernel without filters */
	return result < 0 ? (enum err) - result : OK;
}

enum err sandbox_seccomp(const struct sandbox *sandbox)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter)
		return (enum err)ENOMEM;
	enum err e = fill(filter, sandbox);
	seccomp_release(filter);
	return e;
}
