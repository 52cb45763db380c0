(* Derivatives of sums and products entry by entry, and what the sign of a derivative says of a function.
   A solution may fail to be differentiable at finitely many times (controls that jump): it is continuous there. *)
From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From Fwp Require Import Tensor.
Open Scope R_scope.

(* The derivatives of Coquelicot with real arithmetic in place of its algebraic hierarchy. *)
Lemma derive_eq : forall (f : R -> R) (t l l' : R), is_derive f t l -> l = l' -> is_derive f t l'.
Proof. intros f t l l' H <-. exact H. Qed.

Lemma derive_const : forall c t, is_derive (fun _ : R => c : R) t 0.
Proof. intros. apply (is_derive_const (K := R_AbsRing) (V := R_NormedModule)). Qed.

Lemma derive_id : forall t, is_derive (fun s : R => s) t 1.
Proof. intros. apply (is_derive_id (K := R_AbsRing)). Qed.

Lemma derive_plus : forall (f g : R -> R) t f' g',
  is_derive f t f' -> is_derive g t g' -> is_derive (fun s => f s + g s) t (f' + g').
Proof. intros f g t f' g' Hf Hg. exact (is_derive_plus f g t f' g' Hf Hg). Qed.

Lemma derive_minus : forall (f g : R -> R) t f' g',
  is_derive f t f' -> is_derive g t g' -> is_derive (fun s => f s - g s) t (f' - g').
Proof. intros f g t f' g' Hf Hg. exact (is_derive_minus f g t f' g' Hf Hg). Qed.

Lemma derive_opp : forall (f : R -> R) t f', is_derive f t f' -> is_derive (fun s => - f s) t (- f').
Proof. intros f t f' Hf. exact (is_derive_opp f t f' Hf). Qed.

Lemma derive_mult : forall (f g : R -> R) t f' g',
  is_derive f t f' -> is_derive g t g' -> is_derive (fun s => f s * g s) t (f' * g t + f t * g').
Proof. intros f g t f' g' Hf Hg. exact (is_derive_mult f g t f' g' Hf Hg Rmult_comm). Qed.

Lemma derive_scal : forall c (f : R -> R) t f', is_derive f t f' -> is_derive (fun s => c * f s) t (c * f').
Proof. intros c f t f' Hf. exact (is_derive_scal f t c f' Hf). Qed.

Lemma derive_scal_r : forall c (f : R -> R) t f', is_derive f t f' -> is_derive (fun s => f s * c) t (f' * c).
Proof.
  intros c f t f' Hf. apply (is_derive_ext (fun s => c * f s)); [intros; apply Rmult_comm|].
  apply derive_eq with (c * f'); [now apply derive_scal | apply Rmult_comm].
Qed.

Lemma derive_comp : forall (f g : R -> R) t f' g',
  is_derive f (g t) f' -> is_derive g t g' -> is_derive (fun s => f (g s)) t (f' * g').
Proof.
  intros f g t f' g' Hf Hg. apply derive_eq with (g' * f'); [|apply Rmult_comm].
  exact (is_derive_comp f g t f' g' Hf Hg).
Qed.

Lemma derive_ext : forall (f g : R -> R) t l, (forall s, f s = g s) -> is_derive f t l -> is_derive g t l.
Proof. intros f g t l H Hf. exact (is_derive_ext f g t l H Hf). Qed.

Lemma derive_sum : forall n (f : R -> nat -> R) (f' : nat -> R) t,
  (forall i, (i < n)%nat -> is_derive (fun s => f s i) t (f' i)) ->
  is_derive (fun s => sum n (f s)) t (sum n f').
Proof.
  induction n; intros f f' t H; simpl; [apply derive_const|].
  apply derive_plus; [apply IHn; intros i Hi; apply H; lia | apply H; lia].
Qed.

Lemma derive_dot : forall n (u v : R -> vector) u' v' t,
  (forall i, (i < n)%nat -> is_derive (fun s => u s i) t (u' i)) ->
  (forall i, (i < n)%nat -> is_derive (fun s => v s i) t (v' i)) ->
  is_derive (fun s => dot n (u s) (v s)) t (dot n u' (v t) + dot n (u t) v').
Proof.
  intros n u v u' v' t Hu Hv. apply derive_eq with (sum n (fun i => u' i * v t i + u t i * v' i)).
  - apply (derive_sum n (fun s i => u s i * v s i)); intros i Hi.
    apply (derive_mult (fun s => u s i) (fun s => v s i)); auto.
  - apply sum_plus.
Qed.

Lemma derive_norm2 : forall n (u : R -> vector) u' t,
  (forall i, (i < n)%nat -> is_derive (fun s => u s i) t (u' i)) ->
  is_derive (fun s => norm2 n (u s)) t (2 * dot n (u t) u').
Proof.
  intros n u u' t Hu. apply derive_eq with (dot n u' (u t) + dot n (u t) u').
  - now apply (derive_dot n u u).
  - rewrite (dot_sym n u'). ring.
Qed.

Lemma derive_inner : forall n m (A B : R -> matrix) A' B' t,
  (forall i j, (i < n)%nat -> (j < m)%nat -> is_derive (fun s => A s i j) t (A' i j)) ->
  (forall i j, (i < n)%nat -> (j < m)%nat -> is_derive (fun s => B s i j) t (B' i j)) ->
  is_derive (fun s => inner n m (A s) (B s)) t (inner n m A' (B t) + inner n m (A t) B').
Proof.
  intros n m A B A' B' t HA HB.
  apply derive_eq with (sum n (fun i => dot m (A' i) (B t i) + dot m (A t i) (B' i))).
  - apply (derive_sum n (fun s i => dot m (A s i) (B s i))); intros i Hi.
    apply (derive_dot m (fun s => A s i) (fun s => B s i)); auto.
  - apply sum_plus.
Qed.

Lemma derive_fro2 : forall n m (A : R -> matrix) A' t,
  (forall i j, (i < n)%nat -> (j < m)%nat -> is_derive (fun s => A s i j) t (A' i j)) ->
  is_derive (fun s => fro2 n m (A s)) t (2 * inner n m (A t) A').
Proof.
  intros n m A A' t HA. apply derive_eq with (inner n m A' (A t) + inner n m (A t) A').
  - now apply (derive_inner n m A A).
  - rewrite (inner_sym n m A'). ring.
Qed.

Lemma derive_mv : forall n m (W : R -> matrix) W' k t,
  (forall i j, (i < n)%nat -> (j < m)%nat -> is_derive (fun s => W s i j) t (W' i j)) ->
  forall i, (i < n)%nat -> is_derive (fun s => mv m (W s) k i) t (mv m W' k i).
Proof.
  intros n m W W' k t HW i Hi. apply (derive_sum m (fun s j => W s i j * k j)); intros j Hj.
  apply (derive_scal_r (k j) (fun s => W s i j)); auto.
Qed.

(* Continuity, likewise. *)
Lemma cont_const : forall c t, continuous (fun _ : R => c : R) t.
Proof. intros. apply continuous_const. Qed.

Lemma cont_plus : forall f g t, continuous f t -> continuous g t -> continuous (fun s : R => f s + g s : R) t.
Proof. intros f g t Hf Hg. exact (continuous_plus f g t Hf Hg). Qed.

Lemma cont_minus : forall f g t, continuous f t -> continuous g t -> continuous (fun s : R => f s - g s : R) t.
Proof. intros f g t Hf Hg. exact (continuous_minus f g t Hf Hg). Qed.

Lemma cont_mult : forall f g t, continuous f t -> continuous g t -> continuous (fun s : R => f s * g s : R) t.
Proof. intros f g t Hf Hg. exact (continuous_mult f g t Hf Hg). Qed.

Lemma cont_derive : forall (f : R -> R) t l, is_derive f t l -> continuous f t.
Proof. intros f t l H. apply (ex_derive_continuous f). now exists l. Qed.

Lemma cont_sum : forall n (f : R -> nat -> R) t,
  (forall i, (i < n)%nat -> continuous (fun s => f s i) t) -> continuous (fun s => sum n (f s)) t.
Proof.
  induction n; intros f t H; simpl; [apply cont_const|].
  apply (cont_plus (fun s => sum n (f s)) (fun s => f s n)); [apply IHn; intros i Hi; apply H; lia | apply H; lia].
Qed.

Lemma cont_dot : forall n (u v : R -> vector) t,
  (forall i, (i < n)%nat -> continuous (fun s => u s i) t) ->
  (forall i, (i < n)%nat -> continuous (fun s => v s i) t) -> continuous (fun s => dot n (u s) (v s)) t.
Proof.
  intros n u v t Hu Hv. apply (cont_sum n (fun s i => u s i * v s i)); intros i Hi.
  apply (cont_mult (fun s => u s i) (fun s => v s i)); auto.
Qed.

Lemma cont_inner : forall n m (A B : R -> matrix) t,
  (forall i j, (i < n)%nat -> (j < m)%nat -> continuous (fun s => A s i j) t) ->
  (forall i j, (i < n)%nat -> (j < m)%nat -> continuous (fun s => B s i j) t) ->
  continuous (fun s => inner n m (A s) (B s)) t.
Proof.
  intros n m A B t HA HB. apply (cont_sum n (fun s i => dot m (A s i) (B s i))); intros i Hi.
  apply (cont_dot m (fun s => A s i) (fun s => B s i)); auto.
Qed.

Lemma cont_fro2 : forall n m (A : R -> matrix) t,
  (forall i j, (i < n)%nat -> (j < m)%nat -> continuous (fun s => A s i j) t) ->
  continuous (fun s => fro2 n m (A s)) t.
Proof. intros. now apply cont_inner. Qed.

(* f' ≤ 0 on (a, b), f continuous on [a, b] ⇒ f(b) ≤ f(a). *)
Lemma nonincreasing_open : forall (f f' : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> continuous f t) ->
  (forall t, a < t < b -> is_derive f t (f' t)) -> (forall t, a < t < b -> f' t <= 0) -> f b <= f a.
Proof.
  intros f f' a b Hab Hc Hd Hs. destruct (Rle_lt_or_eq_dec a b Hab) as [Hlt|<-]; [|lra].
  assert (pr : forall c, a < c < b -> derivable_pt f c).
  { intros c H. exists (f' c). apply is_derive_Reals. now apply Hd. }
  destruct (MVT f id a b pr (fun c _ => derivable_pt_id c) Hlt) as [c [P Heq]].
  - intros t Ht. apply continuity_pt_filterlim, Hc, Ht.
  - intros t Ht. apply derivable_continuous_pt, derivable_pt_id.
  - assert (Hder : derive_pt f c (pr c P) = f' c)
      by (apply derive_pt_eq_0, is_derive_Reals, Hd, P).
    rewrite Hder in Heq. rewrite (derive_pt_eq_0 id c 1) in Heq by apply derivable_pt_lim_id.
    unfold id in Heq. generalize (Hs c P). intro. nra.
Qed.

(* The same where f has no derivative at finitely many times. *)
Lemma nonincreasing_between : forall breaks (f f' : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> continuous f t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> ~ In t breaks -> f' t <= 0) -> f b <= f a.
Proof.
  induction breaks as [|x breaks IH]; intros f f' a b Hab Hc Hd Hs.
  - apply (nonincreasing_open f f'); intros; auto.
  - assert (Hskip : forall c d, a <= c -> c <= d -> d <= b -> x <= c \/ d <= x -> f d <= f c).
    { intros c d Hac Hcd Hdb Hx. apply (IH f f'); [exact Hcd | | |]; intros t Ht; [apply Hc; lra | |];
        intros Hn; [apply Hd | apply Hs]; try lra; intros [He|He]; auto; lra. }
    destruct (Rle_dec x a); [apply Hskip; lra|]. destruct (Rle_dec b x); [apply Hskip; lra|].
    apply Rle_trans with (f x); apply Hskip; lra.
Qed.

Lemma nondecreasing_between : forall breaks (f f' : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> continuous f t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> ~ In t breaks -> 0 <= f' t) -> f a <= f b.
Proof.
  intros breaks f f' a b Hab Hc Hd Hs. apply Ropp_le_cancel.
  apply (nonincreasing_between breaks (fun t => - f t) (fun t => - f' t)); [exact Hab | | |].
  - intros t Ht. exact (continuous_opp f t (Hc t Ht)).
  - intros t Ht Hn. apply derive_opp. auto.
  - intros t Ht Hn. generalize (Hs t Ht Hn). lra.
Qed.

Lemma constant_between : forall breaks (f : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> continuous f t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive f t 0) -> f b = f a.
Proof.
  intros breaks f a b Hab Hc Hd. apply Rle_antisym;
    [apply (nonincreasing_between breaks f (fun _ => 0)) | apply (nondecreasing_between breaks f (fun _ => 0))];
    auto; intros; apply Rle_refl.
Qed.

(* The same for a derivative at every time of [a, b]. *)
Lemma nonincreasing : forall (f f' : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) -> (forall t, a <= t <= b -> f' t <= 0) -> f b <= f a.
Proof.
  intros f f' a b Hab Hd Hs. apply (nonincreasing_between nil f f'); auto.
  - intros t Ht. apply cont_derive with (f' t). auto.
  - intros t Ht _. apply Hd. lra.
  - intros t Ht _. apply Hs. lra.
Qed.

Lemma nondecreasing : forall (f f' : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> is_derive f t (f' t)) -> (forall t, a <= t <= b -> 0 <= f' t) -> f a <= f b.
Proof.
  intros f f' a b Hab Hd Hs. apply (nondecreasing_between nil f f'); auto.
  - intros t Ht. apply cont_derive with (f' t). auto.
  - intros t Ht _. apply Hd. lra.
  - intros t Ht _. apply Hs. lra.
Qed.

Lemma constant : forall (f : R -> R) a b, a <= b ->
  (forall t, a <= t <= b -> is_derive f t 0) -> f b = f a.
Proof.
  intros f a b Hab Hd. apply (constant_between nil f a b Hab).
  - intros t Ht. apply cont_derive with 0. auto.
  - intros t Ht _. apply Hd. lra.
Qed.

(* A state of n × m entries solves W' = field(t, W) on [a, b]: continuous there, with that derivative inside, but for
   finitely many times, at which the controls may jump. *)
Definition solves (n m : nat) (field : R -> matrix -> matrix) (breaks : list R) (a b : R) (W : R -> matrix) : Prop :=
  forall i j, (i < n)%nat -> (j < m)%nat ->
    (forall t, a <= t <= b -> continuous (fun s => W s i j) t) /\
    (forall t, a < t < b -> ~ In t breaks -> is_derive (fun s => W s i j) t (field t (W t) i j)).

Lemma solves_cont : forall n m field breaks a b W, solves n m field breaks a b W ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat -> continuous (fun s => W s i j) t.
Proof. intros n m field breaks a b W H t i j Ht Hi Hj. now apply H. Qed.

Lemma solves_derive : forall n m field breaks a b W, solves n m field breaks a b W ->
  forall t i j, a < t < b -> ~ In t breaks -> (i < n)%nat -> (j < m)%nat ->
  is_derive (fun s => W s i j) t (field t (W t) i j).
Proof. intros n m field breaks a b W H t i j Ht Hn Hi Hj. now apply H. Qed.

(* A solution everywhere is one on each interval, and one on [a, b] is one on each part of it. *)
Lemma solves_of_derive : forall n m field breaks a b W,
  (forall t i j, (i < n)%nat -> (j < m)%nat -> is_derive (fun s => W s i j) t (field t (W t) i j)) ->
  solves n m field breaks a b W.
Proof. intros n m field breaks a b W H i j Hi Hj. split; intros; [eapply cont_derive|]; now apply H. Qed.

Lemma solves_part : forall n m field breaks a b c d W,
  a <= c -> d <= b -> solves n m field breaks a b W -> solves n m field breaks c d W.
Proof.
  intros n m field breaks a b c d W Hac Hdb H i j Hi Hj. destruct (H i j Hi Hj) as [Hc Hd].
  split; intros; [apply Hc | apply Hd]; auto; lra.
Qed.

(* A solution of an equation without time, begun at the time c. *)
Lemma solves_shift : forall n m (rate : matrix -> matrix) breaks a b c (W : R -> matrix),
  (forall h i j, (i < n)%nat -> (j < m)%nat -> is_derive (fun h => W h i j) h (rate (W h) i j)) ->
  solves n m (fun _ => rate) breaks a b (fun t => W (t - c)).
Proof.
  intros n m rate breaks a b c W H. apply (solves_of_derive n m (fun _ => rate)). intros t i j Hi Hj.
  apply derive_eq with (rate (W (t - c)) i j * (1 - 0)); [|ring].
  apply (derive_comp (fun h => W h i j) (fun s => s - c)); [now apply H|].
  apply (derive_minus (fun s => s) (fun _ => c)); [apply derive_id | apply derive_const].
Qed.

(* Solutions, be it of different equations, that begin together and always have the same rate stay together. *)
Lemma solves_same_rate : forall n m field1 field2 breaks a b W1 W2,
  solves n m field1 breaks a b W1 -> solves n m field2 breaks a b W2 ->
  (forall i j, (i < n)%nat -> (j < m)%nat -> W1 a i j = W2 a i j) ->
  (forall t i j, a < t < b -> ~ In t breaks -> (i < n)%nat -> (j < m)%nat ->
    field1 t (W1 t) i j = field2 t (W2 t) i j) ->
  forall t i j, a <= t <= b -> (i < n)%nat -> (j < m)%nat -> W1 t i j = W2 t i j.
Proof.
  intros n m field1 field2 breaks a b W1 W2 H1 H2 H0 Hrate t i j Ht Hi Hj. apply Rminus_diag_uniq.
  transitivity (W1 a i j - W2 a i j); [|rewrite H0 by assumption; ring].
  apply (constant_between breaks (fun s => W1 s i j - W2 s i j)); [lra | |].
  - intros r Hr. apply (cont_minus (fun s => W1 s i j) (fun s => W2 s i j)); eapply solves_cont; eauto; lra.
  - intros r Hr Hn. apply derive_eq with (field1 r (W1 r) i j - field2 r (W2 r) i j).
    + apply (derive_minus (fun s => W1 s i j) (fun s => W2 s i j)); eapply solves_derive; eauto; lra.
    + rewrite Hrate by (assumption || lra). ring.
Qed.

(* f' = −c f but for finitely many times ⇒ f(t) = e^{−c(t − a)} f(a), whatever the sign of c. *)
Lemma exponential_between : forall breaks (f : R -> R) c a b, a <= b ->
  (forall t, a <= t <= b -> continuous f t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive f t (- (c * f t))) -> f b = exp (- (c * (b - a))) * f a.
Proof.
  intros breaks f c a b Hab Hc Hd.
  assert (Hexp : forall r, is_derive (fun s => exp (c * (s - a))) r (c * exp (c * (r - a)))).
  { intro r. auto_derive; [trivial | unfold Rminus; ring]. }
  assert (H : f b * exp (c * (b - a)) = f a * exp (c * (a - a))).
  { apply (constant_between breaks (fun s => f s * exp (c * (s - a))) a b Hab).
    - intros t Ht. apply (cont_mult f (fun s => exp (c * (s - a)))); [now apply Hc | eapply cont_derive, Hexp].
    - intros t Ht Hn. eapply derive_eq.
      + apply (derive_mult f (fun s => exp (c * (s - a)))); [now apply Hd | apply Hexp].
      + ring. }
  replace (c * (a - a)) with 0 in H by ring. rewrite exp_0, Rmult_1_r in H.
  rewrite <- H, exp_Ropp. field. apply Rgt_not_eq, exp_pos.
Qed.

(* t ↦ ∫_a^t f has the derivative f(t) where f is continuous, and is continuous if f is integrable on every interval. *)
Lemma derive_integral : forall (f : R -> R) a t,
  (forall x y, ex_RInt f x y) -> continuous f t -> is_derive (fun s => RInt f a s) t (f t).
Proof.
  intros f a t Hi Hc. apply (is_derive_RInt f (fun s => RInt f a s) a t); [|exact Hc].
  apply filter_forall. intro s. apply (RInt_correct f), Hi.
Qed.

Lemma cont_integral : forall (f : R -> R) a t,
  (forall x y, ex_RInt f x y) -> continuous (fun s => RInt f a s) t.
Proof.
  intros f a t Hi. apply (continuous_RInt_1 f a t (fun s => RInt f a s)).
  apply filter_forall. intro s. apply (RInt_correct f), Hi.
Qed.

Lemma integral_point : forall (f : R -> R) a, RInt f a a = 0.
Proof. intros. apply (RInt_point a f). Qed.

(* f' ≤ g but for finitely many times ⇒ f(b) ≤ f(a) + ∫_a^b g; f' = g ⇒ f(b) = f(a) + ∫_a^b g. *)
Lemma le_integral : forall breaks (f f' g : R -> R) a b, a <= b ->
  (forall x y, ex_RInt g x y) ->
  (forall t, a <= t <= b -> continuous f t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive f t (f' t)) ->
  (forall t, a < t < b -> ~ In t breaks -> continuous g t) ->
  (forall t, a < t < b -> ~ In t breaks -> f' t <= g t) -> f b <= f a + RInt g a b.
Proof.
  intros breaks f f' g a b Hab Hi Hc Hd Hg Hle.
  cut (f b - RInt g a b <= f a - RInt g a a); [rewrite integral_point; lra|].
  apply (nonincreasing_between breaks (fun t => f t - RInt g a t) (fun t => f' t - g t)); [exact Hab | | |].
  - intros t Ht. apply (cont_minus f (fun s => RInt g a s)); [now apply Hc | now apply cont_integral].
  - intros t Ht Hn. apply (derive_minus f (fun s => RInt g a s)); [now apply Hd | apply derive_integral; auto].
  - intros t Ht Hn. generalize (Hle t Ht Hn). lra.
Qed.

Lemma eq_integral : forall breaks (f g : R -> R) a b, a <= b ->
  (forall x y, ex_RInt g x y) ->
  (forall t, a <= t <= b -> continuous f t) ->
  (forall t, a < t < b -> ~ In t breaks -> is_derive f t (g t)) ->
  (forall t, a < t < b -> ~ In t breaks -> continuous g t) -> f b = f a + RInt g a b.
Proof.
  intros breaks f g a b Hab Hi Hc Hd Hg.
  cut (f b - RInt g a b = f a - RInt g a a); [rewrite integral_point; lra|].
  apply (constant_between breaks (fun t => f t - RInt g a t)); [exact Hab | |].
  - intros t Ht. apply (cont_minus f (fun s => RInt g a s)); [now apply Hc | now apply cont_integral].
  - intros t Ht Hn. apply derive_eq with (g t - g t); [|ring].
    apply (derive_minus f (fun s => RInt g a s)); [now apply Hd | apply derive_integral; auto].
Qed.

Lemma cont_norm : forall n (u : R -> vector) t,
  (forall i, (i < n)%nat -> continuous (fun s => u s i) t) -> continuous (fun s => norm n (u s)) t.
Proof.
  intros n u t Hu. apply (continuous_comp (fun s => norm2 n (u s)) sqrt).
  - now apply cont_dot.
  - apply continuity_pt_filterlim, continuity_pt_sqrt, norm2_nonneg.
Qed.

(* g ≥ 0 but for finitely many times, at the others continuous ⇒ ∫_a^b g ≥ 0. *)
Lemma integral_nonneg : forall breaks (g : R -> R) a b, a <= b ->
  (forall x y, ex_RInt g x y) ->
  (forall t, a < t < b -> ~ In t breaks -> continuous g t) ->
  (forall t, a < t < b -> ~ In t breaks -> 0 <= g t) -> 0 <= RInt g a b.
Proof.
  intros breaks g a b Hab Hi Hc Hs. cut (RInt g a a <= RInt g a b); [rewrite integral_point; lra|].
  apply (nondecreasing_between breaks (fun t => RInt g a t) g); [exact Hab | | | exact Hs].
  - intros t Ht. now apply cont_integral.
  - intros t Ht Hn. apply derive_integral; auto.
Qed.
