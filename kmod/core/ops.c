// SPDX-License-Identifier: GPL-2.0-only
/*
 * The struct_ops type bpf_fs_readahead_ops: what the verifier allows a policy
 * to do, how its members are taken over, and what happens when it comes and
 * goes.
 */

#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/cgroup.h>
#include <linux/ctype.h>
#include <linux/filter.h>
#include <linux/module.h>

#include "ctx.h"
#include "scope.h"

static struct btf *raext_btf;

/*
 * The number of struct bpf_fs_readahead_state in raext_btf. BTF_ID_LIST() would
 * give the one of build time: where pahole (1.28 and later) built the module's
 * BTF on a distilled base, the kernel numbers its types anew at load, and only
 * its own lists with them. Known as soon as a callback is: see
 * raext_check_member().
 */
static u32 raext_state_id;

/* Verifier */

static bool raext_is_valid_access(int off, int size, enum bpf_access_type type,
				  const struct bpf_prog *prog,
				  struct bpf_insn_access_aux *info)
{
	/* This is what types the argument as a pointer to the state. */
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

static bool raext_is_writable(int off, int size)
{
	switch (off) {
	case offsetof(struct bpf_fs_readahead_state, start):
		return size == sizeof_field(struct bpf_fs_readahead_state,
					    start);
	case offsetof(struct bpf_fs_readahead_state, size):
		return size == sizeof_field(struct bpf_fs_readahead_state,
					    size);
	case offsetof(struct bpf_fs_readahead_state, async_size):
		return size == sizeof_field(struct bpf_fs_readahead_state,
					    async_size);
	}
	return false;
}

static int raext_btf_struct_access(struct bpf_verifier_log *log,
				   const struct bpf_reg_state *reg,
				   int off, int size)
{
	/* What a program stored points to a stack that is gone: no kernel may let it. */
	if (type_flag(reg->type) != PTR_TRUSTED || reg->btf != raext_btf ||
	    reg->btf_id != READ_ONCE(raext_state_id)) {
		bpf_log(log,
			"readahead_ext: a policy may write to the struct bpf_fs_readahead_state of its callback only\n");
		return -EACCES;
	}
	if (!raext_is_writable(off, size)) {
		bpf_log(log,
			"readahead_ext: a policy may write start, size and async_size of bpf_fs_readahead_state, not %d bytes at offset %d\n",
			size, off);
		return -EACCES;
	}
	return 0;
}

/*
 * A callback runs under RCU while a task waits. What the verifier does not walk
 * through step by step could run for hours: these are not for policies.
 */
static const struct bpf_func_proto *
raext_get_func_proto(enum bpf_func_id func_id, const struct bpf_prog *prog)
{
	switch (func_id) {
	case BPF_FUNC_loop:
	case BPF_FUNC_for_each_map_elem:
	case BPF_FUNC_user_ringbuf_drain:
	case BPF_FUNC_tail_call:
	case BPF_FUNC_timer_init:
	case BPF_FUNC_timer_set_callback:
	case BPF_FUNC_timer_start:
	case BPF_FUNC_timer_cancel:
		return NULL;
	default:
		return bpf_base_func_proto(func_id, prog);
	}
}

static const struct bpf_verifier_ops raext_verifier_ops = {
	.get_func_proto = raext_get_func_proto,
	.is_valid_access = raext_is_valid_access,
	.btf_struct_access = raext_btf_struct_access,
};

/* Members */

static int raext_init(struct btf *btf)
{
	raext_btf = btf;
	return 0;
}

/* What a pointer points to, by number; 0 if it is none. */
static u32 raext_pointee(u32 id)
{
	const struct btf_type *t = btf_type_by_id(raext_btf, id);

	return t && btf_type_is_ptr(t) ? t->type : 0;
}

/* The state's type, from the prototype of a callback: its first argument. */
static u32 raext_state_of(const struct btf_member *member)
{
	const struct btf_type *t;

	t = btf_type_by_id(raext_btf, raext_pointee(member->type));
	if (!t || !btf_type_is_func_proto(t) || !btf_type_vlen(t))
		return 0;
	return raext_pointee(btf_params(t)[0].type);
}

static int raext_check_member(const struct btf_type *t,
			      const struct btf_member *member,
			      const struct bpf_prog *prog)
{
	u32 state = raext_state_of(member);

	if (!state)
		return -EINVAL;
	/* Whichever callback it is, the same each time. */
	WRITE_ONCE(raext_state_id, state);
	/* Callbacks run under RCU, and get_ra under ftrace. */
	return prog->sleepable ? -EINVAL : 0;
}

static int raext_init_name(char *to, const char *from)
{
	size_t len = strnlen(from, BPF_FS_RA_NAME_LEN);
	size_t i;

	if (len == BPF_FS_RA_NAME_LEN)
		return -ENAMETOOLONG;
	for (i = 0; i < len; i++) {
		/* It becomes a column of the table in debugfs. */
		if (!isgraph(from[i]))
			return -EINVAL;
	}
	memcpy(to, from, len + 1);
	return 1;
}

/* A field that this module does not know would be 0 without a word. */
#define RAEXT_WANTS	(BPF_FS_RA_WANT_WAITS | BPF_FS_RA_WANT_MEMORY)

static int raext_init_member(const struct btf_type *t,
			     const struct btf_member *member,
			     void *kdata, const void *udata)
{
	const struct bpf_fs_readahead_ops *from = udata;
	struct bpf_fs_readahead_ops *to = kdata;

	switch (__btf_member_bit_offset(t, member) / 8) {
	case offsetof(struct bpf_fs_readahead_ops, name):
		return raext_init_name(to->name, from->name);
	case offsetof(struct bpf_fs_readahead_ops, cgroup_id):
		to->cgroup_id = from->cgroup_id;
		return 1;
	case offsetof(struct bpf_fs_readahead_ops, dev):
		to->dev = from->dev;
		return 1;
	case offsetof(struct bpf_fs_readahead_ops, guard_percent):
		to->guard_percent = from->guard_percent;
		/* Never more than 100 go unused. */
		return to->guard_percent > 99 ? -EINVAL : 1;
	case offsetof(struct bpf_fs_readahead_ops, wants):
		to->wants = from->wants;
		return to->wants & ~RAEXT_WANTS ? -EINVAL : 1;
	}
	return 0;
}

/* Before a policy is attached: what would have no effect is refused. */
static int raext_validate(void *kdata)
{
	const struct bpf_fs_readahead_ops *ops = kdata;
	struct cgroup *cgroup;

	if (!ops->decide && !ops->get_max_ra && !ops->get_ra)
		return -EINVAL;
	if (!ops->cgroup_id)
		return 0;
	cgroup = cgroup_get_from_id(ops->cgroup_id);
	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	cgroup_put(cgroup);
	return 0;
}

/* Attach, replace, detach */

static int raext_reg(void *kdata, struct bpf_link *link)
{
	return raext_scope_attach(kdata, link);
}

static int raext_update(void *kdata, void *old_kdata, struct bpf_link *link)
{
	return raext_scope_replace(kdata, old_kdata);
}

static void raext_unreg(void *kdata, struct bpf_link *link)
{
	raext_scope_detach(kdata);
}

/* The stubs give the callbacks their prototypes (CFI, argument names). */

static int raext_stub_get_max_ra(struct bpf_fs_readahead_state *s)
{
	return -1;
}

static int raext_stub_get_ra(struct bpf_fs_readahead_state *s)
{
	return -1;
}

static int raext_stub_decide(struct bpf_fs_readahead_state *s)
{
	return 0;
}

static struct bpf_fs_readahead_ops raext_stubs = {
	.decide = raext_stub_decide,
	.get_max_ra = raext_stub_get_max_ra,
	.get_ra = raext_stub_get_ra,
};

/* Registration */

static struct bpf_struct_ops bpf_fs_readahead_struct_ops = {
	.verifier_ops = &raext_verifier_ops,
	.init = raext_init,
	.check_member = raext_check_member,
	.init_member = raext_init_member,
	.validate = raext_validate,
	.reg = raext_reg,
	.unreg = raext_unreg,
	.update = raext_update,
	.cfi_stubs = &raext_stubs,
	.name = "bpf_fs_readahead_ops",
	.owner = THIS_MODULE,
};

/**
 * raext_ops_is_policy - whether a program is a callback of a policy
 * @prog: the program
 *
 * This module has one struct_ops type, so its BTF tells. A program that
 * extends a policy's (BPF_PROG_TYPE_EXT) is attached to that program's BTF.
 *
 * Return: true for a policy's callback
 */
bool raext_ops_is_policy(const struct bpf_prog *prog)
{
	return prog->type == BPF_PROG_TYPE_STRUCT_OPS && raext_btf &&
	       prog->aux->attach_btf == raext_btf;
}

/**
 * raext_ops_register - register the type
 *
 * Return: 0, or an error; -ENOENT for a module without BTF, which the kernel
 * takes without a word
 */
int raext_ops_register(void)
{
	int err = register_bpf_struct_ops(&bpf_fs_readahead_struct_ops,
					  bpf_fs_readahead_ops);

	if (!err && !raext_btf)
		err = -ENOENT;
	return err;
}
