(* The term language of fwp/terms/syntax.py as data, what its terms mean, and that types and degrees say of every term
   what is true: a well-typed term has a value for each index of its axes, its degree bounds the degree of a polynomial,
   degree 0 is constant, degree 1 affine. Domains are left out: they constrain no value. So is the spelling of names. *)
From Coq Require Import Reals QArith Qreals String Bool Arith Lia Lra FunctionalExtensionality List.
From Fwp Require Import Tensor Primitives.
Import ListNotations.
Open Scope R_scope.

(* Syntax: every node bears its axes, as in Python, and `infer` checks them. *)

Definition axis := string.
Inductive role := State | Slot | Signal | Increment.
Inductive constant := Ones | Eye | Tril.
Inductive primitive :=
  | Sigmoid | Tanh | Softplus | Relu | Exp | Log | Sqrt | Square | Reciprocal | Softmax | Normalize.

Inductive term :=
  | Var (name : string) (declared : list axis) (r : role) (axes : list axis)
  | Const (k : constant) (axes : list axis)
  | Product (operands : list term) (axes : list axis)
  | Sum (terms : list term) (axes : list axis)
  | Scale (factor : Q) (t : term) (axes : list axis)
  | Map (p : primitive) (over : option axis) (t : term) (axes : list axis).

Fixpoint term_induction (P : term -> Prop)
    (var : forall x d r a, P (Var x d r a)) (const : forall k a, P (Const k a))
    (product : forall ts a, Forall P ts -> P (Product ts a)) (sum : forall ts a, Forall P ts -> P (Sum ts a))
    (scale : forall q t a, P t -> P (Scale q t a)) (map : forall p o t a, P t -> P (Map p o t a)) (t : term) : P t :=
  let all := fix all ts : Forall P ts :=
    match ts with
    | [] => Forall_nil P
    | t :: ts => Forall_cons t (term_induction P var const product sum scale map t) (all ts)
    end in
  match t with
  | Var x d r a => var x d r a
  | Const k a => const k a
  | Product ts a => product ts a (all ts)
  | Sum ts a => sum ts a (all ts)
  | Scale q t a => scale q t a (term_induction P var const product sum scale map t)
  | Map p o t a => map p o t a (term_induction P var const product sum scale map t)
  end.

Definition axes_of (t : term) : list axis :=
  match t with Var _ _ _ a | Const _ a | Product _ a | Sum _ a | Scale _ _ a | Map _ _ _ a => a end.

(* Types: what the constructors check. *)

Definition mem (a : axis) (l : list axis) : bool := existsb (String.eqb a) l.
Fixpoint distinct (l : list axis) : bool :=
  match l with [] => true | a :: l => negb (mem a l) && distinct l end.
Fixpoint axes_eqb (l m : list axis) : bool :=
  match l, m with
  | [], [] => true
  | a :: l, b :: m => String.eqb a b && axes_eqb l m
  | _, _ => false
  end.
Definition over_axis (p : primitive) : bool := match p with Softmax | Normalize => true | _ => false end.
Definition guard (b : bool) (a : list axis) : option (list axis) := if b then Some a else None.
Definition has_axes (a : list axis) (o : option (list axis)) : bool :=
  match o with Some b => axes_eqb a b | None => false end.
Definition typed (o : option (list axis)) : bool := match o with Some _ => true | None => false end.

Fixpoint infer (t : term) : option (list axis) :=
  match t with
  | Var _ d _ a => guard (distinct d && distinct a && Nat.eqb (length d) (length a)) a
  | Const k a => guard (distinct a && match k with Ones => true | _ => Nat.eqb (length a) 2 end) a
  | Product ts a => guard (distinct a && forallb (fun t => typed (infer t)) ts
                           && forallb (fun x => existsb (fun t => mem x (axes_of t)) ts) a) a
  | Sum ts a => guard (negb (Nat.eqb (length ts) 0) && forallb (fun t => has_axes a (infer t)) ts) a
  | Scale _ t a => guard (has_axes a (infer t)) a
  | Map p o t a => guard (has_axes a (infer t) && Bool.eqb (over_axis p) (match o with Some _ => true | None => false end)
                          && match o with Some x => mem x a | None => true end) a
  end.

(* Meaning: a number for each assignment of indices to axes. An environment says, by role and name, what a variable is. *)

Definition index := axis -> nat.
Definition environment := role -> string -> list nat -> R.
Definition set (i : index) (a : axis) (n : nat) : index := fun b => if String.eqb b a then n else i b.

Definition bound (ts : list term) (a : list axis) : list axis :=
  nodup string_dec (filter (fun x => negb (mem x a)) (flat_map axes_of ts)).

Definition pointwise (p : primitive) (x : R) : R :=
  match p with
  | Sigmoid => sigmoid x
  | Tanh => tanh x
  | Softplus => softplus x
  | Relu => relu x
  | Exp => exp x
  | Log => ln x
  | Sqrt => sqrt x
  | Square => Rsqr x
  | Reciprocal => Rinv x
  | Softmax | Normalize => 0
  end.
Definition along (p : primitive) (n : nat) (f : nat -> R) (i : nat) : R :=
  match p with Softmax => softmax n f i | Normalize => normalize n f i | _ => 0 end.

Definition product_of (l : list R) : R := fold_right Rmult 1 l.
Definition sum_of (l : list R) : R := fold_right Rplus 0 l.

Section Meaning.
Variable size : axis -> nat.

Fixpoint sum_over (l : list axis) (f : index -> R) (i : index) : R :=
  match l with
  | [] => f i
  | a :: l => sum (size a) (fun n => sum_over l f (set i a n))
  end.

Variable env : environment.

Fixpoint eval (t : term) (i : index) : R :=
  match t with
  | Var x _ r a => env r x (map i a)
  | Const Ones _ => 1
  | Const Eye [a; b] => eye (i a) (i b)
  | Const Tril [a; b] => tril (i a) (i b)
  | Const _ _ => 0
  | Product ts a => sum_over (bound ts a) (fun j => product_of (map (fun t => eval t j) ts)) i
  | Sum ts _ => sum_of (map (fun t => eval t i) ts)
  | Scale q t _ => Q2R q * eval t i
  | Map p None t _ => pointwise p (eval t i)
  | Map p (Some a) t _ => along p (size a) (fun n => eval t (set i a n)) (i a)
  end.
End Meaning.

(* Degree, as in fwp/terms/degree.py; None is infinity. *)

Inductive wrt := OfRole (r : role) | OfVariable (x : string).
Definition role_eqb (r q : role) : bool :=
  match r, q with
  | State, State | Slot, Slot | Signal, Signal | Increment, Increment => true
  | _, _ => false
  end.
Definition concerns (w : wrt) (r : role) (x : string) : bool :=
  match w with OfRole q => role_eqb r q | OfVariable y => String.eqb x y end.

Definition both (f : nat -> nat -> nat) (a b : option nat) : option nat :=
  match a, b with Some a, Some b => Some (f a b) | _, _ => None end.

Fixpoint degree (w : wrt) (t : term) : option nat :=
  match t with
  | Var x _ r _ => Some (if concerns w r x then 1%nat else 0%nat)
  | Const _ _ => Some 0%nat
  | Product ts _ => fold_right (both Nat.add) (Some 0%nat) (map (degree w) ts)
  | Sum ts _ => fold_right (both Nat.max) (Some 0%nat) (map (degree w) ts)
  | Scale q t _ => if Qeq_bool q 0 then Some 0%nat else degree w t
  | Map Square _ t _ => both Nat.add (degree w t) (degree w t)
  | Map _ _ t _ => match degree w t with Some 0%nat => Some 0%nat | _ => None end
  end.
Definition is_constant (w : wrt) (t : term) : bool :=
  match degree w t with Some 0%nat => true | _ => false end.
Definition is_affine (w : wrt) (t : term) : bool :=
  match degree w t with Some d => Nat.leb d 1 | None => false end.

(* Types are sound. *)

Lemma mem_In : forall a l, mem a l = true <-> In a l.
Proof.
  intros a l. unfold mem. rewrite existsb_exists. split.
  - intros [b [H E]]. apply String.eqb_eq in E. now subst.
  - intros H. exists a. split; [assumption|apply String.eqb_refl].
Qed.

Lemma axes_eqb_eq : forall l m, axes_eqb l m = true -> l = m.
Proof.
  induction l as [|a l IH]; destruct m as [|b m]; simpl; try discriminate; auto.
  intros H. apply andb_prop in H as [H1 H2]. apply String.eqb_eq in H1. subst. f_equal. auto.
Qed.

Lemma distinct_NoDup : forall l, distinct l = true -> NoDup l.
Proof.
  induction l as [|a l IH]; simpl; intros H; constructor; apply andb_prop in H as [H1 H2]; auto.
  intros I. apply mem_In in I. now rewrite I in H1.
Qed.

Lemma guard_some : forall b a c, guard b a = Some c -> b = true /\ a = c.
Proof. intros [] a c H; inversion H; auto. Qed.

Lemma infer_axes : forall t a, infer t = Some a -> axes_of t = a.
Proof. intros [] a H; simpl in *; apply guard_some in H; tauto. Qed.

Lemma has_axes_some : forall a o, has_axes a o = true -> o = Some a.
Proof. intros a [b|] H; simpl in H; [|discriminate]. apply axes_eqb_eq in H. now subst. Qed.

(* A type has no axis twice. *)
Theorem infer_distinct : forall t a, infer t = Some a -> NoDup a.
Proof.
  induction t as [x d r a|k a|ts a IH|ts a IH|q t a IH|p o t a IH] using term_induction; simpl; intros b H;
    apply guard_some in H as [H <-]; repeat (apply andb_prop in H as [H ?]); try (now apply distinct_NoDup).
  - destruct ts as [|t ts]; [discriminate|]. simpl in *. inversion IH; subst.
    match goal with H : _ && _ = true |- _ => apply andb_prop in H as [E _] end.
    apply has_axes_some in E. eauto.
  - apply has_axes_some in H. eauto.
  - apply has_axes_some in H. eauto.
Qed.

Lemma set_same : forall i a n, set i a n a = n.
Proof. intros. unfold set. now rewrite String.eqb_refl. Qed.

Lemma set_other : forall i a n b, b <> a -> set i a n b = i b.
Proof. intros i a n b H. unfold set. apply String.eqb_neq in H. now rewrite H. Qed.

Lemma set_agree : forall (l : list axis) i j a n, (forall b, In b l -> b <> a -> i b = j b) ->
  forall b, In b l -> set i a n b = set j a n b.
Proof.
  intros l i j a n H b I. destruct (string_dec b a) as [->|N]; [now rewrite !set_same|].
  rewrite !set_other by assumption. auto.
Qed.

Lemma sum_over_agree : forall size (s : list axis) f,
  (forall i j, (forall a, In a s -> i a = j a) -> f i = f j) ->
  forall l i j, (forall a, In a s -> ~ In a l -> i a = j a) -> sum_over size l f i = sum_over size l f j.
Proof.
  intros size s f F l. induction l as [|a l IH]; intros i j H; simpl.
  - apply F. intros b I. now apply H.
  - apply sum_ext. intros n _. apply IH. intros b I N.
    destruct (string_dec b a) as [->|D]; [now rewrite !set_same|]. rewrite !set_other by assumption.
    apply H; [assumption|]. intros [E|E]; [now subst|contradiction].
Qed.

Lemma In_bound : forall x ts a, In x (bound ts a) <-> In x (flat_map axes_of ts) /\ ~ In x a.
Proof.
  intros. unfold bound. rewrite nodup_In, filter_In. split; intros [H1 H2]; split; auto.
  - intros I. apply mem_In in I. now rewrite I in H2.
  - destruct (mem x a) eqn:E; [apply mem_In in E; contradiction|reflexivity].
Qed.

(* infer t = Some a ⇒ the value of t is a function of the indices of a alone. *)
Theorem infer_sound : forall size env t a, infer t = Some a ->
  forall i j, (forall x, In x a -> i x = j x) -> eval size env t i = eval size env t j.
Proof.
  intros size env.
  induction t as [x d r a|k a|ts a IH|ts a IH|q t a IH|p o t a IH] using term_induction; simpl; intros b H i j E;
    apply guard_some in H as [H <-]; repeat (apply andb_prop in H as [H ?]).
  - f_equal. apply map_ext_in. auto.
  - destruct k; auto; destruct a as [|y [|z [|w a]]]; try discriminate; rewrite (E y), (E z); simpl; auto.
  - apply sum_over_agree with (s := flat_map axes_of ts).
    + intros i' j' E'. f_equal. apply map_ext_in. intros t I.
      rewrite Forall_forall in IH. rewrite forallb_forall in H1. specialize (H1 t I).
      destruct (infer t) as [c|] eqn:T; [|discriminate].
      apply (IH t I c T). intros y Y. apply E'. apply in_flat_map. exists t. split; [assumption|].
      now rewrite (infer_axes _ _ T).
    + intros y Y N. apply E. destruct (in_dec string_dec y a) as [|D]; [assumption|].
      exfalso. apply N. now apply In_bound.
  - f_equal. apply map_ext_in. intros t I. rewrite Forall_forall in IH.
    rewrite forallb_forall in H0. specialize (H0 t I). apply has_axes_some in H0. now apply (IH t I a H0).
  - apply has_axes_some in H. f_equal. now apply (IH a H).
  - apply has_axes_some in H. destruct o as [y|].
    + assert (Y : In y a) by (now apply mem_In). rewrite (E y Y). f_equal.
      apply functional_extensionality. intros n. apply (IH a H). apply set_agree. auto.
    + f_equal. now apply (IH a H).
Qed.

(* Degrees are sound. *)

Fixpoint horner (c : list R) (s : R) : R := match c with [] => 0 | a :: c => a + s * horner c s end.
Definition polynomial (d : nat) (f : R -> R) : Prop :=
  exists c, length c = S d /\ forall s, f s = horner c s.

Lemma horner_sum : forall c s, horner c s = sum (length c) (fun k => nth k c 0 * s ^ k).
Proof.
  assert (H : forall n f, sum (S n) f = f 0%nat + sum n (fun k => f (S k))).
  { induction n; intros f; [simpl; ring|].
    change (sum (S n) f + f (S n) = f 0%nat + (sum n (fun k => f (S k)) + f (S n))). rewrite IHn. ring. }
  induction c as [|a c IH]; intros s; [reflexivity|].
  change (length (a :: c)) with (S (length c)). rewrite H. simpl horner. rewrite IH.
  rewrite <- sum_scal_l. simpl. f_equal; [ring|]. apply sum_ext. intros. ring.
Qed.

Lemma horner_zero : forall n s, horner (repeat 0 n) s = 0.
Proof. induction n; intros s; simpl; [reflexivity|]. rewrite IHn. ring. Qed.

Lemma polynomial_ext : forall d f g, (forall s, f s = g s) -> polynomial d f -> polynomial d g.
Proof. intros d f g E [c [L H]]. exists c. split; [assumption|]. intros s. now rewrite <- E. Qed.

Lemma polynomial_le : forall d e f, (d <= e)%nat -> polynomial d f -> polynomial e f.
Proof.
  intros d e f L [c [C H]]. exists (c ++ repeat 0 (e - d)). split.
  - rewrite app_length, repeat_length. lia.
  - intros s. rewrite H. clear - c. induction c as [|a c IH]; simpl; [now rewrite horner_zero|]. now rewrite IH.
Qed.

Lemma polynomial_const : forall d a, polynomial d (fun _ => a).
Proof.
  intros d a. apply (polynomial_le 0); [lia|]. exists [a]. split; [reflexivity|]. intros. simpl. ring.
Qed.

Lemma polynomial_zero_constant : forall f, polynomial 0 f -> forall s t, f s = f t.
Proof.
  intros f [[|a [|b c]] [L H]] s t; try discriminate. rewrite !H. simpl. ring.
Qed.

Lemma polynomial_plus : forall d f g, polynomial d f -> polynomial d g -> polynomial d (fun s => f s + g s).
Proof.
  assert (P : forall n c e, length c = n -> length e = n ->
    exists p, length p = n /\ forall s, horner c s + horner e s = horner p s).
  { induction n as [|n IH]; intros [|a c] [|b e] C E; try discriminate.
    - exists []. split; [reflexivity|]. intros. simpl. ring.
    - injection C as C. injection E as E. destruct (IH c e C E) as [p [L H]]. exists (a + b :: p). split.
      + simpl. now rewrite L.
      + intros s. simpl. rewrite <- H. ring. }
  intros d f g [c [C Hf]] [e [E Hg]]. destruct (P (S d) c e C E) as [p [L H]]. exists p. split; [assumption|].
  intros s. now rewrite Hf, Hg.
Qed.

Lemma polynomial_scale : forall d a f, polynomial d f -> polynomial d (fun s => a * f s).
Proof.
  intros d a f [c [C H]]. exists (map (Rmult a) c). split; [now rewrite map_length|].
  intros s. rewrite H. clear. induction c; simpl; [ring|]. rewrite <- IHc. ring.
Qed.

Lemma polynomial_shift : forall d f, polynomial d f -> polynomial (S d) (fun s => s * f s).
Proof.
  intros d f [c [C H]]. exists (0 :: c). split; [simpl; now rewrite C|]. intros s. simpl. rewrite H. ring.
Qed.

Lemma polynomial_mult : forall d e f g, polynomial d f -> polynomial e g -> polynomial (d + e) (fun s => f s * g s).
Proof.
  induction d as [|d IH]; intros e f g [[|a c] [C F]] G; try discriminate.
  - destruct c; [|discriminate]. apply polynomial_ext with (f := fun s => a * g s).
    + intros s. rewrite F. simpl. ring.
    + now apply polynomial_scale.
  - injection C as C. apply polynomial_ext with (f := fun s => a * g s + s * (horner c s * g s)).
    + intros s. rewrite F. simpl. ring.
    + apply polynomial_plus.
      * apply polynomial_le with (d := e); [lia|]. now apply polynomial_scale.
      * apply (polynomial_shift (d + e)). apply (IH e (horner c) g); [|assumption]. now exists c.
Qed.

Lemma polynomial_sum : forall d n (f : nat -> R -> R),
  (forall k, polynomial d (f k)) -> polynomial d (fun s => sum n (fun k => f k s)).
Proof.
  intros d n f H. induction n as [|n IH]; simpl; [apply polynomial_const|]. now apply polynomial_plus.
Qed.

Lemma polynomial_sum_over : forall d size l (f : index -> R -> R),
  (forall i, polynomial d (f i)) -> forall i, polynomial d (fun s => sum_over size l (fun j => f j s) i).
Proof.
  intros d size l f H. induction l as [|a l IH]; intros i; simpl; [apply H|]. apply polynomial_sum. auto.
Qed.

(* The line through E in direction D: what w speaks of moves, all else stands still. *)
Definition line (w : wrt) (E D : environment) (s : R) : environment :=
  fun r x l => if concerns w r x then E r x l + s * D r x l else E r x l.

Lemma both_some : forall f a b c, both f a b = Some c -> exists x y, a = Some x /\ b = Some y /\ c = f x y.
Proof. intros f [x|] [y|] c H; inversion H. eauto. Qed.

Lemma degree_polynomial : forall size w E D t d, degree w t = Some d ->
  forall i, polynomial d (fun s => eval size (line w E D s) t i).
Proof.
  intros size w E D.
  induction t as [x ds r a|k a|ts a IH|ts a IH|q t a IH|p o t a IH] using term_induction; simpl; intros d H i.
  - unfold line. destruct (concerns w r x); injection H as <-; [|apply polynomial_const].
    exists [E r x (map i a); D r x (map i a)]. split; [reflexivity|]. intros s. simpl. ring.
  - injection H as <-. apply polynomial_const.
  - apply (polynomial_sum_over d size (bound ts a)
      (fun j s => product_of (map (fun t => eval size (line w E D s) t j) ts))).
    clear i a. intros j. revert d H. induction IH as [|t ts Ht _ IHts]; simpl; intros d H.
    + injection H as <-. apply polynomial_const.
    + apply both_some in H as (x & y & H1 & H2 & ->).
      apply (polynomial_mult x y (fun s => eval size (line w E D s) t j)); auto.
  - revert d H. induction IH as [|t ts Ht _ IHts]; simpl; intros d H.
    + injection H as <-. apply polynomial_const.
    + apply both_some in H as (x & y & H1 & H2 & ->).
      apply (polynomial_plus (Nat.max x y) (fun s => eval size (line w E D s) t i)).
      * apply polynomial_le with (d := x); [lia|]. auto.
      * apply polynomial_le with (d := y); [lia|]. auto.
  - destruct (Qeq_bool q 0) eqn:Z.
    + injection H as <-. apply polynomial_ext with (f := fun _ => 0); [|apply polynomial_const].
      intros s. apply Qeq_bool_eq, Qeq_eqR in Z. rewrite Z. unfold Q2R. simpl. ring.
    + apply (polynomial_scale d (Q2R q) (fun s => eval size (line w E D s) t i)). auto.
  - assert (C : degree w t = Some 0%nat -> polynomial d (fun s => match o with
      | Some a0 => along p (size a0) (fun n => eval size (line w E D s) t (set i a0 n)) (i a0)
      | None => pointwise p (eval size (line w E D s) t i) end)).
    { intros Z. specialize (IH 0%nat Z).
      apply polynomial_ext with (f := fun _ => match o with
        | Some a0 => along p (size a0) (fun n => eval size (line w E D 0) t (set i a0 n)) (i a0)
        | None => pointwise p (eval size (line w E D 0) t i) end); [|apply polynomial_const].
      intros s. destruct o as [y|].
      - f_equal. apply functional_extensionality. intros n. apply (polynomial_zero_constant _ (IH (set i y n))).
      - f_equal. apply (polynomial_zero_constant _ (IH i)). }
    destruct p; try (destruct (degree w t) as [[|]|]; [apply C; reflexivity|discriminate|discriminate]).
    clear C. apply both_some in H as (x & y & H1 & H2 & ->). destruct o as [z|].
    + simpl. apply polynomial_const.
    + simpl. unfold Rsqr. apply (polynomial_mult x y (fun s => eval size (line w E D s) t i)); auto.
Qed.

(* degree w t = d ⇒ every entry of t along E + s D is c₀ + c₁ s + … + c_d s^d. *)
Theorem degree_sound : forall size w E D t d, degree w t = Some d ->
  forall i, exists c : nat -> R, forall s, eval size (line w E D s) t i = sum (S d) (fun k => c k * s ^ k).
Proof.
  intros size w E D t d H i. destruct (degree_polynomial size w E D t d H i) as [c [L P]].
  exists (fun k => nth k c 0). intros s. rewrite P, horner_sum, L. reflexivity.
Qed.

(* The environments are equal but for what w speaks of. *)
Definition same_but (w : wrt) (E F : environment) : Prop :=
  forall r x l, concerns w r x = false -> E r x l = F r x l.

Definition between (s : R) (E F : environment) : environment := fun r x l => E r x l + s * (F r x l - E r x l).

Lemma line_between : forall w E F s, same_but w E F ->
  line w E (fun r x l => F r x l - E r x l) s = between s E F.
Proof.
  intros w E F s H. unfold line, between. do 3 (apply functional_extensionality; intro).
  destruct (concerns w x x0) eqn:C; [reflexivity|]. rewrite (H _ _ x1 C). ring.
Qed.

Lemma between_zero : forall E F, between 0 E F = E.
Proof. intros. unfold between. do 3 (apply functional_extensionality; intro). ring. Qed.

Lemma between_one : forall E F, between 1 E F = F.
Proof. intros. unfold between. do 3 (apply functional_extensionality; intro). ring. Qed.

(* degree w t = 0 ⇒ the value of t does not depend on what w speaks of. *)
Theorem constant_sound : forall size w t, is_constant w t = true ->
  forall E F, same_but w E F -> forall i, eval size E t i = eval size F t i.
Proof.
  intros size w t H E F S i. unfold is_constant in H.
  destruct (degree w t) as [[|]|] eqn:D; try discriminate.
  pose proof (polynomial_zero_constant _ (degree_polynomial size w E (fun r x l => F r x l - E r x l) t 0 D i) 0 1) as P.
  simpl in P. now rewrite !line_between, between_zero, between_one in P.
Qed.

(* degree w t ≤ 1 ⇒ t(E + s (F − E)) = t(E) + s (t(F) − t(E)), E and F equal but for what w speaks of. *)
Theorem affine_sound : forall size w t, is_affine w t = true ->
  forall E F, same_but w E F -> forall s i,
  eval size (between s E F) t i = eval size E t i + s * (eval size F t i - eval size E t i).
Proof.
  intros size w t H E F S s i. unfold is_affine in H. destruct (degree w t) as [d|] eqn:D; [|discriminate].
  apply Nat.leb_le in H.
  destruct (polynomial_le d 1 _ H (degree_polynomial size w E (fun r x l => F r x l - E r x l) t d D i)) as [c [L P]].
  destruct c as [|a [|b [|]]]; try discriminate. simpl in P.
  pose proof (P 0) as P0. pose proof (P 1) as P1. specialize (P s).
  rewrite line_between in P, P0, P1 by assumption. rewrite between_zero in P0. rewrite between_one in P1.
  rewrite P, P0, P1. ring.
Qed.
