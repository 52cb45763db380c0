(* Terms as sums of monomials, coefficient · Σ_{summed indices} Π atoms, in which indices have numbers: the expansion that
   Equality.v compares terms by, and the proof that it keeps the value. That the numbers of summed indices clash nowhere is
   checked where monomials are multiplied; expansion fails where they would. *)
From Coq Require Import Reals QArith Qreals String Bool Arith Lia Lra FunctionalExtensionality Permutation List.
From Fwp Require Import Tensor Primitives Core.
Import ListNotations.
Open Scope R_scope.

(* Axes of equal size, as axis_classes of fwp/terms/sizes.py has them: each with the name by which all are known. *)
Definition classes := list (axis * axis).
Definition class (c : classes) (a : axis) : axis :=
  match find (fun p => String.eqb (fst p) a) c with Some p => snd p | None => a end.
Definition respects (c : classes) (size : axis -> nat) : Prop := forall a, size (class c a) = size a.

(* Indices have numbers; `ixs` says which number is the index of an axis. *)
Definition ixs := list (axis * nat).
Definition numbering := nat -> nat.
Definition look (r : ixs) (a : axis) : option nat :=
  match find (fun p => String.eqb (fst p) a) r with Some p => Some (snd p) | None => None end.
Definition at_ (r : ixs) (b : numbering) : index := fun a => match look r a with Some n => b n | None => 0%nat end.
Definition put (b : numbering) (x n : nat) : numbering := fun y => if Nat.eqb y x then n else b y.

Inductive atom :=
  | AVar (r : role) (x : string) (l : list nat)
  | AConst (k : constant) (x y : nat)
  | ATerm (t : term) (r : ixs).
Record monomial := Monomial { coefficient : Q; binds : list (nat * axis); atoms : list atom }.

Definition memn (x : nat) (l : list nat) : bool := existsb (Nat.eqb x) l.
Definition disjoint (l m : list nat) : bool := forallb (fun x => negb (memn x m)) l.

Definition ids_of (a : atom) : list nat :=
  match a with AVar _ _ l => l | AConst _ x y => [x; y] | ATerm _ r => map snd r end.
Definition free_ids (m : monomial) : list nat := flat_map ids_of (atoms m).
Definition bound_ids (m : monomial) : list nat := map fst (binds m).

(* Expansion. *)

Definition bind {A B : Type} (o : option A) (f : A -> option B) : option B :=
  match o with Some x => f x | None => None end.

Fixpoint all_some {A : Type} (l : list (option A)) : option (list A) :=
  match l with
  | [] => Some []
  | o :: l => bind o (fun x => bind (all_some l) (fun y => Some (x :: y)))
  end.

Definition unit_monomial : monomial := Monomial 1 [] [].
Definition scaled (q : Q) (m : monomial) : monomial := Monomial (Qred (q * coefficient m)) (binds m) (atoms m).
Definition bound_by (l : list (nat * axis)) (m : monomial) : monomial :=
  Monomial (coefficient m) (l ++ binds m) (atoms m).

Definition times (m n : monomial) : option monomial :=
  if disjoint (bound_ids m) (free_ids n ++ bound_ids n) && disjoint (bound_ids n) (free_ids m)
  then Some (Monomial (Qred (coefficient m * coefficient n)) (binds m ++ binds n) (atoms m ++ atoms n))
  else None.
Definition times_all (l k : list monomial) : option (list monomial) :=
  all_some (flat_map (fun m => map (times m) k) l).

(* New numbers n, n + 1, … for the axes, which hide what these were before. *)
Fixpoint enter (c : classes) (l : list axis) (n : nat) (r : ixs) : option (ixs * list (nat * axis)) :=
  match l with
  | [] => Some (r, [])
  | a :: l =>
      if memn n (map snd r) then None
      else bind (enter c l (S n) ((a, n) :: r)) (fun p => Some (fst p, (n, class c a) :: snd p))
  end.

Definition expansion := option (list monomial * nat).

Definition expand_sum (f : term -> nat -> expansion) : list term -> nat -> expansion :=
  fix go ts n :=
    match ts with
    | [] => Some ([], n)
    | t :: ts => bind (f t n) (fun p => bind (go ts (snd p)) (fun q => Some (fst p ++ fst q, snd q)))
    end.
Definition expand_product (f : term -> nat -> expansion) : list term -> nat -> expansion :=
  fix go ts n :=
    match ts with
    | [] => Some ([unit_monomial], n)
    | t :: ts =>
        bind (f t n) (fun p => bind (go ts (snd p)) (fun q =>
          bind (times_all (fst p) (fst q)) (fun l => Some (l, snd q))))
    end.

Fixpoint expand (c : classes) (t : term) (r : ixs) (n : nat) {struct t} : expansion :=
  match t with
  | Var x _ q a => bind (all_some (map (look r) a)) (fun l => Some ([Monomial 1 [] [AVar q x l]], n))
  | Const Ones _ => Some ([unit_monomial], n)
  | Const k [a; b] =>
      bind (look r a) (fun x => bind (look r b) (fun y => Some ([Monomial 1 [] [AConst k x y]], n)))
  | Const _ _ => None
  | Product ts a =>
      let l := bound ts a in
      bind (enter c l n r) (fun e =>
        bind (expand_product (fun t => expand c t (fst e)) ts (n + length l)) (fun p =>
          Some (map (bound_by (snd e)) (fst p), snd p)))
  | Sum ts _ => expand_sum (fun t => expand c t r) ts n
  | Scale q t _ => bind (expand c t r n) (fun p => Some (map (scaled q) (fst p), snd p))
  | Map Square None t _ =>
      bind (expand c t r n) (fun p => bind (expand c t r (snd p)) (fun q =>
        bind (times_all (fst p) (fst q)) (fun l => Some (l, snd q))))
  | Map p o t a =>
      if has_axes a (infer (Map p o t a)) then
        bind (all_some (map (look r) a)) (fun l => Some ([Monomial 1 [] [ATerm (Map p o t a) (combine a l)]], n))
      else None
  end.

(* Expansion keeps the value. *)

Local Arguments Qred : simpl never.
Local Arguments Qmult : simpl never.
Local Arguments Qplus : simpl never.

Lemma memn_In : forall x l, memn x l = true <-> In x l.
Proof.
  intros x l. unfold memn. rewrite existsb_exists. split.
  - intros [y [H E]]. apply Nat.eqb_eq in E. now subst.
  - intros H. exists x. split; [assumption|apply Nat.eqb_refl].
Qed.

Lemma memn_false : forall x l, memn x l = false <-> ~ In x l.
Proof.
  intros x l. rewrite <- memn_In. destruct (memn x l); split; intros; congruence || tauto.
Qed.

Lemma disjoint_sound : forall l m, disjoint l m = true -> forall x, In x l -> ~ In x m.
Proof.
  intros l m H x I. unfold disjoint in H. rewrite forallb_forall in H. specialize (H x I).
  apply negb_true_iff in H. now apply memn_false.
Qed.

Lemma bind_some : forall A B (o : option A) (f : A -> option B) y, bind o f = Some y -> exists x, o = Some x /\ f x = Some y.
Proof. intros A B [x|] f y H; [|discriminate]. exists x. auto. Qed.

Lemma all_some_map : forall A B (f : A -> option B) l m, all_some (map f l) = Some m ->
  Forall2 (fun a b => f a = Some b) l m.
Proof.
  induction l as [|a l IH]; simpl; intros m H.
  - injection H as <-. constructor.
  - apply bind_some in H as (x & E & H). apply bind_some in H as (y & E' & H). injection H as <-. constructor; auto.
Qed.

Lemma put_same : forall b x n, put b x n x = n.
Proof. intros. unfold put. now rewrite Nat.eqb_refl. Qed.

Lemma put_other : forall b x n y, y <> x -> put b x n y = b y.
Proof. intros b x n y H. unfold put. apply Nat.eqb_neq in H. now rewrite H. Qed.

Lemma put_comm : forall b x n y m, x <> y -> put (put b x n) y m = put (put b y m) x n.
Proof.
  intros b x n y m H. apply functional_extensionality. intros z. unfold put.
  destruct (Nat.eqb_spec z y), (Nat.eqb_spec z x); congruence.
Qed.

Lemma look_In : forall r a n, look r a = Some n -> In n (map snd r).
Proof.
  intros r a n H. unfold look in H. destruct (find (fun p => String.eqb (fst p) a) r) as [p|] eqn:F; [|discriminate].
  injection H as <-. apply find_some in F as [F _]. now apply in_map.
Qed.

Lemma at_put : forall r b x n, ~ In x (map snd r) -> at_ r (put b x n) = at_ r b.
Proof.
  intros r b x n H. apply functional_extensionality. intros a. unfold at_.
  destruct (look r a) as [y|] eqn:E; [|reflexivity]. apply put_other. intros ->. apply H. eapply look_In; eauto.
Qed.

Lemma at_cons : forall r b a x n, ~ In x (map snd r) -> at_ ((a, x) :: r) (put b x n) = set (at_ r b) a n.
Proof.
  intros r b a x n H. apply functional_extensionality. intros c. rewrite <- (at_put r b x n H).
  unfold at_, look, set. simpl. rewrite (String.eqb_sym a c).
  destruct (String.eqb c a); [apply put_same|reflexivity].
Qed.

Lemma Q2R_red : forall q, Q2R (Qred q) = Q2R q.
Proof. intros. apply Qeq_eqR, Qred_correct. Qed.

Section Soundness.
Variable c : classes.
Variable size : axis -> nat.
Variable env : environment.
Hypothesis sizes : respects c size.

Definition atom_value (b : numbering) (a : atom) : R :=
  match a with
  | AVar r x l => env r x (map b l)
  | AConst Eye x y => eye (b x) (b y)
  | AConst Tril x y => tril (b x) (b y)
  | AConst Ones _ _ => 1
  | ATerm t r => eval size env t (at_ r b)
  end.
Fixpoint sum_binds (l : list (nat * axis)) (f : numbering -> R) (b : numbering) : R :=
  match l with
  | [] => f b
  | (x, a) :: l => sum (size a) (fun n => sum_binds l f (put b x n))
  end.
Definition atoms_value (l : list atom) (b : numbering) : R := product_of (map (atom_value b) l).
Definition inner_value (m : monomial) (b : numbering) : R := sum_binds (binds m) (atoms_value (atoms m)) b.
Definition value (m : monomial) (b : numbering) : R := Q2R (coefficient m) * inner_value m b.
Definition total (l : list monomial) (b : numbering) : R := sum_of (map (fun m => value m b) l).

Definition ignores (f : numbering -> R) (x : nat) : Prop := forall b n, f (put b x n) = f b.

Lemma sum_binds_ext : forall l f g, (forall b, f b = g b) -> forall b, sum_binds l f b = sum_binds l g b.
Proof.
  induction l as [|[x a] l IH]; intros f g H b; simpl; [apply H|]. apply sum_ext. intros. now apply IH.
Qed.

Lemma sum_binds_app : forall l k f b, sum_binds (l ++ k) f b = sum_binds l (sum_binds k f) b.
Proof.
  induction l as [|[x a] l IH]; intros k f b; simpl; [reflexivity|]. apply sum_ext. intros. apply IH.
Qed.

Lemma sum_binds_plus : forall l f g b,
  sum_binds l (fun b => f b + g b) b = sum_binds l f b + sum_binds l g b.
Proof.
  induction l as [|[x a] l IH]; intros f g b; simpl; [reflexivity|]. rewrite <- sum_plus. apply sum_ext.
  intros. apply IH.
Qed.

Lemma sum_binds_zero : forall l b, sum_binds l (fun _ => 0) b = 0.
Proof.
  induction l as [|[x a] l IH]; intros b; simpl; [reflexivity|]. apply sum_eq_zero. intros. apply IH.
Qed.

Lemma sum_binds_scale : forall l f g b, (forall x, In x (map fst l) -> ignores f x) ->
  sum_binds l (fun b => f b * g b) b = f b * sum_binds l g b.
Proof.
  induction l as [|[x a] l IH]; intros f g b H; simpl; [reflexivity|]. rewrite <- sum_scal_l. apply sum_ext.
  intros n _. rewrite IH; [|intros; apply H; now right]. rewrite H; [reflexivity|now left].
Qed.

Lemma sum_binds_ignores : forall l f x, ~ In x (map fst l) -> ignores f x -> ignores (sum_binds l f) x.
Proof.
  induction l as [|[y a] l IH]; intros f x N H b n; simpl; [apply H|]. apply sum_ext. intros m _.
  simpl in N. rewrite put_comm by (intros ->; apply N; now left). apply (IH f x); tauto.
Qed.

Lemma sum_binds_total : forall l k b,
  sum_binds l (fun b => total k b) b = total (map (bound_by l) k) b.
Proof.
  intros l k. unfold total. induction k as [|m k IH]; intros b; simpl; [apply sum_binds_zero|].
  rewrite sum_binds_plus, IH. f_equal. unfold value, inner_value. simpl.
  rewrite sum_binds_app. rewrite (sum_binds_scale l (fun _ => Q2R (coefficient m))); [reflexivity|].
  intros x _ d n. reflexivity.
Qed.

Lemma atom_ignores : forall a x, ~ In x (ids_of a) -> ignores (fun b => atom_value b a) x.
Proof.
  intros [r y l|k y z|t r] x H b n; simpl in *.
  - f_equal. apply map_ext_in. intros y' I. apply put_other. intros ->. contradiction.
  - rewrite !put_other by tauto. reflexivity.
  - now rewrite at_put.
Qed.

Lemma atoms_ignore : forall l x, ~ In x (flat_map ids_of l) -> ignores (atoms_value l) x.
Proof.
  intros l x. unfold atoms_value. induction l as [|a l IH]; intros H b n; simpl; [reflexivity|].
  simpl in H. rewrite in_app_iff in H. unfold ignores in IH. simpl in IH. rewrite IH by tauto. f_equal.
  apply (atom_ignores a x). tauto.
Qed.

Lemma atoms_value_app : forall l k b, atoms_value (l ++ k) b = atoms_value l b * atoms_value k b.
Proof.
  intros l k b. unfold atoms_value. induction l as [|a l IH]; simpl; [ring|]. rewrite IH. ring.
Qed.

Lemma times_sound : forall m n p, times m n = Some p -> forall b, value p b = value m b * value n b.
Proof.
  intros m n p H b. unfold times in H.
  destruct (disjoint _ _ && disjoint _ _) eqn:D; [|discriminate]. injection H as <-.
  apply andb_prop in D as [D1 D2]. unfold value, inner_value. simpl. rewrite Q2R_red, Q2R_mult, sum_binds_app.
  rewrite (sum_binds_ext (binds m) _ (fun b => sum_binds (binds n) (atoms_value (atoms n)) b * atoms_value (atoms m) b)).
  - rewrite sum_binds_scale; [ring|]. intros x I. pose proof (disjoint_sound _ _ D1 x I) as N.
    rewrite in_app_iff in N. apply sum_binds_ignores; [tauto|]. apply atoms_ignore. tauto.
  - intros d. rewrite (sum_binds_ext (binds n) _ (fun b => atoms_value (atoms m) b * atoms_value (atoms n) b))
      by (intros; apply atoms_value_app).
    rewrite sum_binds_scale; [ring|]. intros x I. apply atoms_ignore. exact (disjoint_sound _ _ D2 x I).
Qed.

Lemma total_app : forall l k b, total (l ++ k) b = total l b + total k b.
Proof.
  intros l k b. unfold total. induction l as [|m l IH]; simpl; [ring|]. rewrite IH. ring.
Qed.

Lemma times_row : forall m k l, all_some (map (times m) k) = Some l ->
  forall b, total l b = value m b * total k b.
Proof.
  intros m k. unfold total. induction k as [|n k IH]; simpl; intros l H b.
  - injection H as <-. simpl. ring.
  - apply bind_some in H as (p & P & H). apply bind_some in H as (q & Q & H). injection H as <-.
    simpl. rewrite (IH q Q b), (times_sound m n p P b). ring.
Qed.

Lemma all_some_app : forall A (l k : list (option A)) m, all_some (l ++ k) = Some m ->
  exists x y, all_some l = Some x /\ all_some k = Some y /\ m = x ++ y.
Proof.
  induction l as [|o l IH]; simpl; intros k m H.
  - exists [], m. auto.
  - apply bind_some in H as (x & E & H). apply bind_some in H as (y & E' & H). injection H as <-.
    apply IH in E' as (u & v & U & V & ->). exists (x :: u), v. rewrite E, U. auto.
Qed.

Lemma times_all_sound : forall l k p, times_all l k = Some p -> forall b, total p b = total l b * total k b.
Proof.
  unfold times_all. induction l as [|m l IH]; simpl; intros k p H b.
  - injection H as <-. unfold total. simpl. ring.
  - apply all_some_app in H as (x & y & X & Y & ->). rewrite total_app, (IH k y Y b), (times_row m k x X b).
    unfold total. simpl. ring.
Qed.

Lemma scaled_total : forall q l b, total (map (scaled q) l) b = Q2R q * total l b.
Proof.
  intros q l b. unfold total. induction l as [|m l IH]; simpl; [ring|]. rewrite IH. unfold value. simpl.
  rewrite Q2R_red, Q2R_mult. unfold inner_value. simpl. ring.
Qed.

Lemma enter_sound : forall l n r r' bs, enter c l n r = Some (r', bs) ->
  forall f b, sum_over size l f (at_ r b) = sum_binds bs (fun b => f (at_ r' b)) b.
Proof.
  induction l as [|a l IH]; simpl; intros n r r' bs H f b.
  - injection H as <- <-. reflexivity.
  - destruct (memn n (map snd r)) eqn:M; [discriminate|]. apply memn_false in M.
    apply bind_some in H as ([r1 bs1] & E & H). injection H as <- <-. simpl. rewrite sizes. apply sum_ext.
    intros v _. rewrite <- (at_cons r b a n v M). apply (IH (S n) ((a, n) :: r) r1 bs1 E).
Qed.

Lemma look_at : forall r b l m, Forall2 (fun a x => look r a = Some x) l m -> map (at_ r b) l = map b m.
Proof.
  intros r b l m H. induction H as [|a x l m E _ IH]; simpl; [reflexivity|]. rewrite IH. f_equal.
  unfold at_. now rewrite E.
Qed.

Lemma restricted : forall r b l m, Forall2 (fun a x => look r a = Some x) l m ->
  forall a, In a l -> at_ (combine l m) b a = at_ r b a.
Proof.
  intros r b l m H. induction H as [|a x l m E _ IH]; simpl; intros y I; [contradiction|].
  unfold at_ in *. unfold look at 1. simpl. destruct (String.eqb_spec a y) as [->|N].
  - simpl. now rewrite E.
  - destruct I as [->|I]; [contradiction|]. rewrite <- (IH y I). reflexivity.
Qed.

Lemma expand_sum_sound : forall f r ts n l k,
  Forall (fun t => forall n l k, f t n = Some (l, k) -> forall b, eval size env t (at_ r b) = total l b) ts ->
  expand_sum f ts n = Some (l, k) -> forall b, sum_of (map (fun t => eval size env t (at_ r b)) ts) = total l b.
Proof.
  intros f r ts n l k H. revert n l k. induction H as [|t ts Ht _ IH]; simpl; intros n l k E b.
  - injection E as <- <-. reflexivity.
  - apply bind_some in E as ([l1 k1] & E1 & E). apply bind_some in E as ([l2 k2] & E2 & E). injection E as <- <-.
    rewrite total_app, (Ht _ _ _ E1 b), (IH _ _ _ E2 b). reflexivity.
Qed.

Lemma expand_product_sound : forall f r ts n l k,
  Forall (fun t => forall n l k, f t n = Some (l, k) -> forall b, eval size env t (at_ r b) = total l b) ts ->
  expand_product f ts n = Some (l, k) -> forall b, product_of (map (fun t => eval size env t (at_ r b)) ts) = total l b.
Proof.
  intros f r ts n l k H. revert n l k. induction H as [|t ts Ht _ IH]; simpl; intros n l k E b.
  - injection E as <- <-. unfold total, value, inner_value, atoms_value. simpl. unfold Q2R. simpl. field.
  - apply bind_some in E as ([l1 k1] & E1 & E). apply bind_some in E as ([l2 k2] & E2 & E).
    apply bind_some in E as (l3 & E3 & E). injection E as <- <-. simpl in E3.
    rewrite (times_all_sound _ _ _ E3 b), (Ht _ _ _ E1 b), (IH _ _ _ E2 b). reflexivity.
Qed.

Lemma total_one : forall a b, total [Monomial 1 [] [a]] b = atom_value b a.
Proof.
  intros. unfold total, value, inner_value, atoms_value. simpl. unfold Q2R. simpl. field.
Qed.

Lemma expand_opaque : forall t r l b, infer t = Some (axes_of t) ->
  Forall2 (fun a x => look r a = Some x) (axes_of t) l ->
  eval size env t (at_ r b) = total [Monomial 1 [] [ATerm t (combine (axes_of t) l)]] b.
Proof.
  intros t r l b T H. rewrite total_one. simpl. apply (infer_sound size env t (axes_of t) T).
  intros x I. symmetry. now apply restricted.
Qed.

Lemma expand_sound : forall t r n l k, expand c t r n = Some (l, k) ->
  forall b, eval size env t (at_ r b) = total l b.
Proof.
  induction t as [x d q a|j a|ts a IH|ts a IH|q t a IH|p o t a IH] using term_induction; intros r n l k H b.
  - simpl in H. apply bind_some in H as (m & E & H). injection H as <- <-. apply all_some_map in E.
    rewrite total_one. simpl. f_equal. now apply look_at.
  - destruct j; simpl in H.
    + injection H as <- <-. unfold total, value, inner_value, atoms_value. simpl. unfold Q2R. simpl. field.
    + destruct a as [|y [|z [|w a]]]; try discriminate. apply bind_some in H as (m & E & H).
      apply bind_some in H as (m' & E' & H). injection H as <- <-. rewrite total_one. simpl. unfold at_.
      now rewrite E, E'.
    + destruct a as [|y [|z [|w a]]]; try discriminate. apply bind_some in H as (m & E & H).
      apply bind_some in H as (m' & E' & H). injection H as <- <-. rewrite total_one. simpl. unfold at_.
      now rewrite E, E'.
  - simpl in H. apply bind_some in H as ([r' bs] & E & H). apply bind_some in H as ([l' k'] & E' & H).
    injection H as <- <-. simpl in *. rewrite (enter_sound _ _ _ _ _ E).
    rewrite <- sum_binds_total. apply sum_binds_ext. intros d.
    apply (expand_product_sound _ _ _ _ _ _) with (2 := E').
    apply Forall_forall. intros t I. rewrite Forall_forall in IH. intros. eapply IH; eauto.
  - simpl in *. apply (expand_sum_sound _ _ _ _ _ _) with (2 := H).
    apply Forall_forall. intros t I. rewrite Forall_forall in IH. intros. eapply IH; eauto.
  - simpl in H. apply bind_some in H as ([l' k'] & E & H). injection H as <- <-. simpl.
    rewrite scaled_total. f_equal. eapply IH; eauto.
  - assert (C : (if has_axes a (infer (Map p o t a)) then
        bind (all_some (map (look r) a)) (fun l => Some ([Monomial 1 [] [ATerm (Map p o t a) (combine a l)]], n))
      else None) = Some (l, k) -> eval size env (Map p o t a) (at_ r b) = total l b).
    { intros H'. destruct (has_axes _ _) eqn:T; [|discriminate]. apply has_axes_some in T.
      apply bind_some in H' as (m & E & H'). injection H' as <- <-. apply all_some_map in E.
      now apply (expand_opaque (Map p o t a)). }
    destruct p; try exact (C H). destruct o as [y|]; [exact (C H)|]. clear C. simpl in H.
    apply bind_some in H as ([l1 k1] & E1 & H). apply bind_some in H as ([l2 k2] & E2 & H).
    apply bind_some in H as (l3 & E3 & H). injection H as <- <-. simpl in *.
    rewrite (times_all_sound _ _ _ E3 b). unfold Rsqr. f_equal; eapply IH; eauto.
Qed.

End Soundness.

Arguments sum_binds_ext {size}.
Arguments sum_binds_app {size}.
Arguments expand_sound {c size env}.
