"""bookflow's objects as arguments of `numba.njit` functions: import this module, that is all.

    import bookflow as bf
    import bookflow.numba  # numba now knows bookflow's classes

    @njit(cache=True)
    def flow(ofi, bid, bid_size, ask, ask_size, out):
        for i in range(len(bid)):
            out[i] = ofi.update(bid[i], bid_size[i], ask[i], ask_size[i])

An argument is borrowed: the caller's reference keeps the object alive during the call, and compiled
code can neither make nor keep nor return one. Methods do what they do in Python, to the bit and to
the word of an error, and call the core without Python. docs/numba.md tells the rest.
"""

from typing import Any, Final, Self

import numpy as np

try:
    import llvmlite.binding
    from llvmlite import ir
    from numba.core import cgutils, errors, types
    from numba.core.datamodel.models import OpaqueModel
    from numba.core.imputils import lower_constant
    from numba.extending import (
        NativeValue,
        box,
        intrinsic,
        overload_attribute,
        overload_method,
        register_model,
        typeof_impl,
        unbox,
    )
except ModuleNotFoundError as error:
    raise ImportError('numba is not installed: pip install "bookflow[numba]"') from error

import bookflow.pipeline
from bookflow import _core

__all__ = ["Borrowed"]

_INT64: Final = ir.IntType(64)
_POINTER: Final = ir.IntType(8).as_pointer()
_EVENT: Final = ("action", "side", "price", "size", "order_id")
_QUEUES: Final = ("bid_orders", "ask_orders", "bid_size", "ask_size", "bid_age", "ask_age")
_SIDES: Final = ("bid_price", "bid_size", "ask_price", "ask_size")


class Borrowed(types.Type):
    """The numba type of one class of bookflow.

    The version is in its name: code that another version of bookflow cached is compiled anew.
    """

    def __init__(self, cls: str) -> None:
        self.cls = cls
        super().__init__(f"bookflow.{cls}({_core.__version__})")

    def symbol(self, function: str) -> str:
        """What compiled code calls; never an address, so that it can be cached."""
        return f"bookflow_{self.cls}_{function}"


class QuotesCalculator(Borrowed):
    """Driven by the best quotes."""


class TradesCalculator(Borrowed):
    """Driven by prints."""


class ChangesCalculator(Borrowed):
    """Driven by changes of orders."""


class QueuesCalculator(Borrowed):
    """Driven by the queues at the touch."""


class DepthCalculator(Borrowed):
    """Driven by the best levels; yields a number."""


class DepthVector(Borrowed):
    """Driven by the best levels; yields a number a level."""


class ValuesCalculator(Borrowed):
    """Driven by numbers: a subclass for each way to name them."""

    inputs: tuple[str, ...] = ()


class BookType(Borrowed):
    """A LevelBook or an OrderBook."""


class PipelineType(Borrowed):
    """A bookflow.Pipeline."""


class _Pending(Exception):
    """What compiled code raises where a C function failed. To make one raises the error itself."""

    def __new__(cls) -> Self:
        _core._raise_pending()
        raise AssertionError("a C function failed without an error")


# Types, and how an object gets in.


def _register(cls: type, numba_type: Borrowed) -> None:
    name = numba_type.cls

    @typeof_impl.register(cls)
    def typeof(value: object, context: Any) -> Borrowed:
        if type(value) is not cls:
            raise TypeError(
                f"numba code takes a {name} itself, not its subclass {type(value).__name__}: "
                "it would not see what that overrides"
            )
        return numba_type


for _name, _address in _core._C_FUNCTIONS.items():
    llvmlite.binding.add_symbol("bookflow_" + _name.replace(".", "_"), _address)

_FEEDS: Final[dict[tuple[Any, ...], type[Borrowed]]] = {
    ("quotes", False): QuotesCalculator,
    ("trades", False): TradesCalculator,
    ("changes", False): ChangesCalculator,
    ("queues", False): QueuesCalculator,
    ("depth", False): DepthCalculator,
    ("depth", True): DepthVector,
}
_VALUES: Final[dict[tuple[str, ...], type[ValuesCalculator]]] = {
    names: type("ValuesCalculator_" + "_".join(names), (ValuesCalculator,), {"inputs": names})
    for names in {tuple(e["inputs"]) for e in _core.CALCULATORS if e["inputs"]}
}
for _entry in _core.CALCULATORS:
    _of = _VALUES.get(tuple(_entry["inputs"])) or _FEEDS[_entry["feed"], _entry["vector"]]
    _register(getattr(_core, _entry["name"]), _of(_entry["name"]))
_register(_core.LevelBook, BookType("LevelBook"))
_register(_core.OrderBook, BookType("OrderBook"))
_register(bookflow.pipeline.Pipeline, PipelineType("Pipeline"))


def _kept(type_: Borrowed) -> errors.NumbaTypeError:
    return errors.NumbaTypeError(
        f"a bookflow.{type_.cls} is borrowed for the call: compiled code cannot keep or return it "
        "(in a list, a generator, a global or a result); give it as an argument"
    )


@register_model(QuotesCalculator)
@register_model(TradesCalculator)
@register_model(ChangesCalculator)
@register_model(QueuesCalculator)
@register_model(DepthCalculator)
@register_model(DepthVector)
@register_model(BookType)
@register_model(PipelineType)
class _Model(OpaqueModel):
    """A pointer to the C++ object."""

    def as_data(self, builder: Any, value: Any) -> Any:
        """How it would be kept in memory, from where it could outlive the call."""
        raise _kept(self.fe_type)


for _class in _VALUES.values():
    register_model(_class)(_Model)


@unbox(Borrowed)
def _unbox(type_: Borrowed, obj: Any, c: Any) -> Any:
    """Takes the object for this thread, until the call is over."""

    def function(name: str, result: Any) -> Any:
        kind = ir.FunctionType(result, [_POINTER])
        return cgutils.get_or_insert_function(c.builder.module, kind, type_.symbol(name))

    pointer = c.builder.call(function("take", _POINTER), [c.builder.bitcast(obj, _POINTER)])

    def give_back() -> None:
        c.builder.call(function("give_back", ir.VoidType()), [pointer])

    return NativeValue(pointer, cleanup=give_back)


@box(Borrowed)
def _box(type_: Borrowed, value: Any, c: Any) -> Any:
    raise _kept(type_)


@lower_constant(Borrowed)
def _constant(context: Any, builder: Any, type_: Borrowed, value: object) -> Any:
    raise _kept(type_)


# Arguments.


def _integer_type(type_: Any) -> Any:
    """The integer type of a value's type (an enum's is its values'), None if it is not one."""
    inner = type_.dtype if isinstance(type_, types.EnumMember) else type_
    return types.unliteral(inner) if isinstance(inner, types.Integer) else None


def _absent(type_: Any) -> bool:
    """None, given or by default (numba shows a default as its type or as itself)."""
    if isinstance(type_, types.Omitted):
        type_ = type_.value
    return type_ is None or isinstance(type_, types.NoneType)


def _check_integers(self: Borrowed, method: str, /, *optional: str, **given: Any) -> None:
    """TypingError, before anything runs, unless all are integers; `optional` ones may be None."""
    for name, type_ in given.items():
        inner = type_.type if isinstance(type_, types.Optional) and name in optional else type_
        default = isinstance(inner, int | types.Omitted)
        if not default and not (_absent(inner) and name in optional) and not _integer_type(inner):
            raise errors.NumbaTypeError(
                f"{self.cls}.{method}: {name} must be an integer, got {type_}"
            )


def _check_array(self: Borrowed, name: str, type_: Any, dtype: Any, writable: bool = False) -> None:
    good = (
        isinstance(type_, types.Array)
        and type_.ndim == 1
        and type_.dtype == dtype
        and type_.aligned
        and (not writable or (type_.mutable and type_.layout == "C"))
    )
    if not good:
        kind = "a writable contiguous" if writable else "an aligned"
        raise errors.NumbaTypeError(
            f"{self.cls}.update: {name} must be {kind} 1-d {dtype} array, got {type_}"
        )


def _check_numbers(self: Borrowed, given: dict[str, Any]) -> None:
    for name, type_ in given.items():
        if not isinstance(types.unliteral(type_), types.Float | types.Integer):
            raise errors.NumbaTypeError(f"{self.cls}.update: {name} must be a number, got {type_}")


def _overflow(context: Any, builder: Any, wrong: Any, name: str, bits: str) -> None:
    with cgutils.if_unlikely(builder, wrong):
        context.call_conv.return_user_exc(
            builder, OverflowError, (f"{name} does not fit {bits} bits",)
        )


def _integer(
    context: Any, builder: Any, type_: Any, value: Any, name: str, missing: int, unsigned: bool
) -> Any:
    """A checked argument as 64 bits, as `update` in Python takes it."""
    if isinstance(type_, types.Omitted):
        return ir.Constant(_INT64, missing if type_.value is None else type_.value)
    if _absent(type_):
        return ir.Constant(_INT64, missing)
    if isinstance(type_, types.Optional):
        optional = context.make_helper(builder, type_, value)
        there = cgutils.as_bool_bit(builder, optional.valid)
        # what stands in an absent one is anything: not to be checked for its range
        data = builder.select(there, optional.data, optional.data.type(0))
        out = _integer(context, builder, type_.type, data, name, missing, unsigned)
        return builder.select(there, out, ir.Constant(_INT64, missing))
    integer = _integer_type(type_)
    if integer.signed == unsigned and (unsigned or integer.bitwidth == 64):
        wide = context.cast(builder, value, integer, types.int64 if integer.signed else integer)
        wrong = builder.icmp_signed("<", wide, wide.type(0))
        _overflow(context, builder, wrong, name, "64 unsigned" if unsigned else "64")
        return wide
    return context.cast(builder, value, integer, types.uint64 if unsigned else types.int64)


# The C functions.


def _call(context: Any, builder: Any, self: Borrowed, function: str, arguments: list[Any]) -> None:
    """Calls one that says by its result whether it failed, and raises what it left behind."""
    c_function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.IntType(32), [argument.type for argument in arguments]),
        self.symbol(function),
    )
    status = builder.call(c_function, arguments)
    with cgutils.if_unlikely(builder, cgutils.is_not_null(builder, status)):
        context.call_conv.return_user_exc(builder, _Pending)


def _unpacked(builder: Any, signature: Any, args: Any) -> list[tuple[Any, Any]]:
    """(type, value) of each of the arguments after self, which come as one tuple."""
    return [(t, builder.extract_value(args[1], i)) for i, t in enumerate(signature.args[1])]


def _array(context: Any, builder: Any, type_: Any, value: Any) -> Any:
    return context.make_array(type_)(context, builder, value)


def _c_function(
    function: str, names: tuple[str, ...] = (), result: Any = types.float64, **missing: int
) -> Any:
    """Compiled code's `f(self, *integers)` of a C function that writes its result.

    `missing`: what a parameter that is None means to it, if not NONE.
    """

    @intrinsic
    def f(typingctx: Any, self: Any, *given: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            out = cgutils.alloca_once(builder, context.get_value_type(result))
            integers = [
                _integer(
                    context, builder, t, v, name, missing.get(name, _core.NONE), name == "order_id"
                )
                for name, (t, v) in zip(names, _unpacked(builder, signature, args), strict=True)
            ]
            _call(context, builder, self, function, [args[0], *integers, out])
            return builder.load(out)

        return result(self, types.StarArgTuple.from_types(given)), codegen

    return f


_update_quotes = _c_function("update", (*_SIDES, "ts"))
_update_trades = _c_function("update", ("price", "size", "side", "ts"), side=0)
_update_changes = _c_function("update", ("price", "change", "side", "cause", "touch", "ts"))
_update_queues = _c_function("update", (*_QUEUES, "ts"))
_value = _c_function("value")
_apply = _c_function("apply", _EVENT, types.int64)
_quotes = _c_function("quotes", (), types.UniTuple(types.int64, 4))
_push = _c_function("push", ("ts", *_EVENT, "flags"), types.int64)
_advance = _c_function("advance", ("ts",), types.int64)
_last = _c_function("last", ("column",))
_last_ts = _c_function("last_ts", (), types.int64)
_last_status = _c_function("last_status", (), types.int64)


def _of_arrays(scalar: bool) -> Any:
    """`f(self, four arrays, ts[, out])`: levels in, a number or an array of them out."""

    def typed(self: Any, *given: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            *arrays, last = _unpacked(builder, signature, args)
            if scalar:
                ts, out = last, cgutils.alloca_once(builder, ir.DoubleType())
            else:
                ts, out = arrays.pop(), _array(context, builder, *last).data
            four = cgutils.alloca_once(builder, _INT64, size=12)
            for i, given_array in enumerate(arrays):
                array = _array(context, builder, *given_array)
                said = (
                    builder.ptrtoint(array.data, _INT64),
                    builder.extract_value(array.strides, 0),
                    builder.extract_value(array.shape, 0),
                )
                for k, word in enumerate(said):
                    at = ir.Constant(_INT64, 3 * i + k)
                    builder.store(word, builder.gep(four, [at]))
            now = _integer(context, builder, *ts, "ts", _core.NONE, False)
            _call(context, builder, self, "update", [args[0], four, now, out])
            return builder.load(out) if scalar else context.get_dummy_value()

        result = types.float64 if scalar else types.none
        return result(self, types.StarArgTuple.from_types(given)), codegen

    @intrinsic
    def f(typingctx: Any, self: Any, *given: Any) -> Any:
        return typed(self, *given)

    return f


@intrinsic
def _update_values(typingctx: Any, self: Any, *given: Any) -> Any:
    """`f(self, *numbers, ts)`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        *numbers, ts = _unpacked(builder, signature, args)
        held = cgutils.alloca_once(builder, ir.DoubleType(), size=len(numbers))
        for i, (type_, value) in enumerate(numbers):
            number = context.cast(builder, value, types.unliteral(type_), types.float64)
            builder.store(number, builder.gep(held, [ir.Constant(_INT64, i)]))
        out = cgutils.alloca_once(builder, ir.DoubleType())
        now = _integer(context, builder, *ts, "ts", _core.NONE, False)
        _call(context, builder, self, "update", [args[0], held, now, out])
        return builder.load(out)

    return types.float64(self, types.StarArgTuple.from_types(given)), codegen


_update_levels = _of_arrays(scalar=True)
_update_levels_into = _of_arrays(scalar=False)


@intrinsic
def _value_into(typingctx: Any, self: Any, out: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = _array(context, builder, signature.args[1], args[1])
        _call(context, builder, self, "value", [args[0], array.data])
        return context.get_dummy_value()

    return types.none(self, out), codegen


@intrinsic
def _reset(typingctx: Any, self: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _call(context, builder, self, "reset", [args[0]])
        return context.get_dummy_value()

    return types.none(self), codegen


@intrinsic
def _width(typingctx: Any, self: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_INT64, [_POINTER]), self.symbol("width")
        )
        return builder.call(function, args)

    return types.int64(self), codegen


# Methods, as in Python.


@overload_method(QuotesCalculator, "update")
def _quotes_update(
    self: Any, bid_price: Any, bid_size: Any, ask_price: Any, ask_size: Any, ts: Any = None
) -> Any:
    sizes = {"bid_price": bid_price, "bid_size": bid_size}
    _check_integers(self, "update", "ts", **sizes, ask_price=ask_price, ask_size=ask_size, ts=ts)

    def update(
        self: Any, bid_price: Any, bid_size: Any, ask_price: Any, ask_size: Any, ts: Any = None
    ) -> Any:
        return _update_quotes(self, bid_price, bid_size, ask_price, ask_size, ts)

    return update


@overload_method(TradesCalculator, "update")
def _trades_update(self: Any, price: Any, size: Any, side: Any = 0, ts: Any = None) -> Any:
    _check_integers(self, "update", "side", "ts", price=price, size=size, side=side, ts=ts)

    def update(self: Any, price: Any, size: Any, side: Any = 0, ts: Any = None) -> Any:
        return _update_trades(self, price, size, side, ts)

    return update


@overload_method(ChangesCalculator, "update")
def _changes_update(
    self: Any, price: Any, change: Any, side: Any, cause: Any, touch: Any, ts: Any = None
) -> Any:
    integers = {"price": price, "change": change, "side": side, "cause": cause, "touch": touch}
    _check_integers(self, "update", "ts", **integers, ts=ts)

    def update(
        self: Any, price: Any, change: Any, side: Any, cause: Any, touch: Any, ts: Any = None
    ) -> Any:
        return _update_changes(self, price, change, side, cause, touch, ts)

    return update


@overload_method(QueuesCalculator, "update")
def _queues_update(
    self: Any,
    bid_orders: Any,
    ask_orders: Any,
    bid_size: Any = None,
    ask_size: Any = None,
    bid_age: Any = None,
    ask_age: Any = None,
    ts: Any = None,
) -> Any:
    given = (bid_orders, ask_orders, bid_size, ask_size, bid_age, ask_age)
    integers = dict(zip(_QUEUES, given, strict=True))
    _check_integers(self, "update", *_QUEUES[2:], "ts", **integers, ts=ts)

    def update(
        self: Any,
        bid_orders: Any,
        ask_orders: Any,
        bid_size: Any = None,
        ask_size: Any = None,
        bid_age: Any = None,
        ask_age: Any = None,
        ts: Any = None,
    ) -> Any:
        return _update_queues(
            self, bid_orders, ask_orders, bid_size, ask_size, bid_age, ask_age, ts
        )

    return update


@overload_method(DepthCalculator, "update")
def _depth_update(
    self: Any, bid_price: Any, bid_size: Any, ask_price: Any, ask_size: Any, ts: Any = None
) -> Any:
    for name, type_ in zip(_SIDES, (bid_price, bid_size, ask_price, ask_size), strict=True):
        _check_array(self, name, type_, types.int64)
    _check_integers(self, "update", "ts", ts=ts)

    def update(
        self: Any, bid_price: Any, bid_size: Any, ask_price: Any, ask_size: Any, ts: Any = None
    ) -> Any:
        return _update_levels(self, bid_price, bid_size, ask_price, ask_size, ts)

    return update


@overload_method(DepthVector, "update")
def _vector_update(
    self: Any,
    bid_price: Any,
    bid_size: Any,
    ask_price: Any,
    ask_size: Any,
    ts: Any = None,
    out: Any = None,
) -> Any:
    for name, type_ in zip(_SIDES, (bid_price, bid_size, ask_price, ask_size), strict=True):
        _check_array(self, name, type_, types.int64)
    _check_integers(self, "update", "ts", ts=ts)

    def fresh(
        self: Any,
        bid_price: Any,
        bid_size: Any,
        ask_price: Any,
        ask_size: Any,
        ts: Any = None,
        out: Any = None,
    ) -> Any:
        made = np.empty(_width(self))
        _update_levels_into(self, bid_price, bid_size, ask_price, ask_size, ts, made)
        return made

    def into(
        self: Any,
        bid_price: Any,
        bid_size: Any,
        ask_price: Any,
        ask_size: Any,
        ts: Any = None,
        out: Any = None,
    ) -> Any:
        if len(out) != _width(self):
            raise ValueError("out must have one number a level")
        _update_levels_into(self, bid_price, bid_size, ask_price, ask_size, ts, out)
        return out

    if _absent(out):
        return fresh
    _check_array(self, "out", out, types.float64, writable=True)
    return into


_VALUES_UPDATE: Final = """
def overload(self, {names}, ts=None):
    _check_numbers(self, dict({given}))
    _check_integers(self, "update", "ts", ts=ts)
    def update(self, {names}, ts=None):
        return _update_values(self, {names}, ts)
    return update
"""
"""numba reads a method's parameter names off a function, so that each needs one of its own."""

for _names, _class in _VALUES.items():
    _text = _VALUES_UPDATE.format(
        names=", ".join(_names), given=", ".join(f"{name}={name}" for name in _names)
    )
    _made: dict[str, Any] = {}
    exec(_text, globals(), _made)  # of names in the core
    overload_method(_class, "update")(_made["overload"])


def _scalar_value(self: Any) -> Any:
    def value(self: Any) -> Any:
        return _value(self)

    return value


def _any_reset(self: Any) -> Any:
    def reset(self: Any) -> Any:
        _reset(self)

    return reset


_type: type[Borrowed]
_CALCULATORS: Final[tuple[type[Borrowed], ...]] = (*_FEEDS.values(), *_VALUES.values())
for _type in _CALCULATORS:
    if _type is not DepthVector:
        overload_attribute(_type, "value")(_scalar_value)
    overload_method(_type, "reset")(_any_reset)


@overload_attribute(DepthVector, "value")
def _vector_value(self: Any) -> Any:
    def value(self: Any) -> Any:
        made = np.empty(_width(self))
        _value_into(self, made)
        return made

    return value


@overload_method(BookType, "apply")
def _book_apply(self: Any, action: Any, side: Any, price: Any, size: Any, order_id: Any = 0) -> Any:
    given = dict(zip(_EVENT, (action, side, price, size, order_id), strict=True))
    _check_integers(self, "apply", **given)

    def apply(self: Any, action: Any, side: Any, price: Any, size: Any, order_id: Any = 0) -> Any:
        return _apply(self, action, side, price, size, order_id)

    return apply


@overload_method(PipelineType, "push")
def _pipeline_push(
    self: Any,
    ts: Any,
    action: Any,
    side: Any,
    price: Any,
    size: Any,
    order_id: Any = 0,
    flags: Any = 1,
) -> Any:
    given = dict(zip(_EVENT, (action, side, price, size, order_id), strict=True))
    _check_integers(self, "push", "price", ts=ts, **given, flags=flags)

    def push(
        self: Any,
        ts: Any,
        action: Any,
        side: Any,
        price: Any,
        size: Any,
        order_id: Any = 0,
        flags: Any = 1,
    ) -> Any:
        return _push(self, ts, action, side, price, size, order_id, flags)

    return push


@overload_method(PipelineType, "advance")
def _pipeline_advance(self: Any, ts: Any) -> Any:
    _check_integers(self, "advance", ts=ts)

    def advance(self: Any, ts: Any) -> Any:
        return _advance(self, ts)

    return advance


@overload_method(PipelineType, "last")
def _pipeline_last(self: Any, column: Any) -> Any:
    _check_integers(self, "last", column=column)

    def last(self: Any, column: Any) -> Any:
        return _last(self, column)

    return last


@overload_attribute(PipelineType, "last_ts")
def _pipeline_last_ts(self: Any) -> Any:
    def last_ts(self: Any) -> Any:
        return _last_ts(self)

    return last_ts


@overload_attribute(PipelineType, "last_status")
def _pipeline_last_status(self: Any) -> Any:
    def last_status(self: Any) -> Any:
        return _last_status(self)

    return last_status


def _any_quotes(self: Any) -> Any:
    def quotes(self: Any) -> Any:
        return _quotes(self)

    return quotes


for _type in (BookType, PipelineType):
    overload_attribute(_type, "quotes")(_any_quotes)
